/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/bwrap/init_blob.h"

/* .incbin searches the -I folders of the assembler, which the compilers hand on. */
__asm__(".section .rodata.init_blob,\"a\",%progbits\n"
        ".balign 16\n"
        ".globl init_blob\n"
        ".globl init_blob_end\n"
        ".type init_blob, %object\n"
        "init_blob:\n"
        ".incbin \"muthr-init\"\n"
        "init_blob_end:\n"
        ".size init_blob, . - init_blob\n"
        ".byte 0\n"
        ".previous\n");
