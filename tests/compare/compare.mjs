// SPDX-License-Identifier: Apache-2.0
// compare.mjs FILE...: feeds recordings (cells.h) to xterm.js without a screen, and lists every cell that differs from the screens in
// them, as runs. Ends with 1 when something does.
//   VTRECORD=PROGRAM   takes our screens from `PROGRAM replay FILE` instead
//   XTERM=FOLDER   where `npm install @xterm/headless @xterm/addon-unicode11` was run
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const require = createRequire(path.join(process.env.XTERM ?? process.cwd(), "package.json"));
const { Terminal } = require("@xterm/headless");

// xterm's own table is of 2010; clusters (ZWJ, flags, skin tones) it knows by no addon that works without a screen.
function widths(term) {
    term.loadAddon(new (require("@xterm/addon-unicode11").Unicode11Addon)());
    term.unicode.activeVersion = "11";
}

// The records of a file.
function* records(data) {
    let at = 0;
    const line = () => {
        const end = data.indexOf(10, at);
        const text = data.toString("utf8", at, end);
        at = end + 1;
        return text;
    };
    while (at < data.length) {
        const [kind, ...rest] = line().split(" ");
        if (kind === "o") {
            const len = Number(rest[0]);
            yield { kind, bytes: data.subarray(at, at + len) };
            at += len;
        } else if (kind === "r") {
            yield { kind, cols: Number(rest[0]), rows: Number(rest[1]) };
        } else {
            const [cols, rows, col, row, visible, alt, count] = rest.slice(1).map(Number);
            const cells = [];
            while (cells.length < count) cells.push(line());
            yield { kind, name: rest[0], cols, rows, col, row, visible, alt, cells };
        }
    }
}

function color(isDefault, isRgb, value) {
    return isDefault ? "-" : isRgb ? "#" + value.toString(16).padStart(6, "0") : String(value);
}

function cellOf(c, isLast) {
    if (!c) return "1 - - . 0  ";
    const attrs = [["b", c.isBold()], ["d", c.isDim()], ["i", c.isItalic()], ["k", c.isBlink()], ["r", c.isInverse()],
        ["c", c.isInvisible()], ["s", c.isStrikethrough()], ["o", c.isOverline()]].filter((a) => a[1]).map((a) => a[0]).join("");
    const under = c.isUnderline() ? (c.getUnderlineStyle?.() || 1) : 0;
    // half a wide character in the last column, of a screen that became narrower
    const width = isLast && c.getWidth() === 2 ? 1 : c.getWidth();
    const text = width < c.getWidth() ? "" : c.getChars();
    return `${width} ${color(c.isFgDefault(), c.isFgRGB(), c.getFgColor())} ${color(c.isBgDefault(), c.isBgRGB(), c.getBgColor())}` +
        ` .${attrs} ${under} ${width ? text || " " : ""}`;
}

function screenOf(term) {
    const b = term.buffer.active;
    const cells = [];
    for (let y = 0; y < term.rows; y++) {
        const line = b.getLine(b.baseY + y);
        for (let x = 0; x < term.cols; x++) cells.push(cellOf(line?.getCell(x), x === term.cols - 1));
    }
    // a cursor that waits behind the last column stands on it for us
    return { cols: term.cols, rows: term.rows, col: Math.min(b.cursorX, term.cols - 1), row: b.cursorY,
        visible: term._core.coreService.isCursorHidden ? 0 : 1, alt: b.type === "alternate" ? 1 : 0, cells };
}

// A cell as what is seen: colours that nothing shows do not count.
function seen(cell) {
    const [w, fg, bg, attrs, under, ...text] = cell.split(" ");
    const blank = text.join(" ").trim() === "" && under === "0" && !/[so]/.test(attrs);
    if (blank && !attrs.includes("r")) return `${w} - ${bg} . 0  `;
    // a line under or through a blank does not lean
    return text.join(" ").trim() === "" ? [w, fg, bg, attrs.replace("i", ""), under, ...text].join(" ") : cell;
}

function compare(s, t, say) {
    let hidden = 0;
    for (const k of ["cols", "rows", "visible", "alt", ...(t.visible ? ["col", "row"] : [])]) {
        if (s[k] !== t[k]) say(`${s.name}: ${k}: ours ${s[k]}, xterm ${t[k]}`);
    }
    let run = false;
    for (let j = 0; j < s.cells.length; j++) {
        const same = seen(s.cells[j]) === seen(t.cells[j] ?? "");
        if (!same && run && j % s.cols) hidden++;
        else if (!same) say(`${s.name}: row ${Math.floor(j / s.cols)} col ${j % s.cols}: ours [${s.cells[j]}], xterm [${t.cells[j]}]`);
        run = !same;
    }
    return hidden;
}

async function check(file) {
    const data = process.env.VTRECORD ? execFileSync(process.env.VTRECORD, ["replay", file], { maxBuffer: 1 << 30 }) : readFileSync(file);
    const name = path.basename(file);
    let term = null, screens = 0, differences = 0;
    const say = (what) => { if (++differences <= 60) console.log(`${name}: ${what}`); };
    for (const r of records(data)) {
        if (r.kind === "r" && !term) {
            term = new Terminal({ cols: r.cols, rows: r.rows, allowProposedApi: true, scrollback: 10000 });
            widths(term);
        } else if (r.kind === "r") {
            term.resize(r.cols, r.rows);
        } else if (r.kind === "o") {
            await new Promise((done) => term.write(r.bytes, done));
        } else {
            screens++;
            const hidden = compare(r, screenOf(term), say);
            differences += hidden;
        }
    }
    console.log(`${name}: ${screens} screens, ${differences} differences`);
    return differences;
}

let total = 0;
for (const file of process.argv.slice(2)) total += await check(file);
process.exit(total ? 1 : 0);
