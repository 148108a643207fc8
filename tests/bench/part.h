/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TESTS_BENCH_PART_H
#define MT_TESTS_BENCH_PART_H

/* The parts of the measurement; each adds its figures to the table. Floors and goals are those of the issue that asked
 * for a pane faster and lighter than tmux. Parts with a world leave no sessions behind that work. */

struct world;

void part_terminal(void); /* the terminal alone, against libvterm's own screen layer */
void part_throughput(struct world *w);
void part_latency(struct world *w);
void part_ctrl_c(struct world *w);
void part_idle(struct world *w);
void part_start(struct world *w);
void part_memory(struct world *w);
void part_slow(struct world *w);

#endif
