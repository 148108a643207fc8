# SPDX-License-Identifier: Apache-2.0
# Test material (test_textual.c): what programs made with textual do to a terminal. Debian 12's textual 0.1: a tree, a text
# that scrolls with bars, buttons, a line of input of our own (this textual has none), what keys and mouse did.
# Nothing tells the time: two of them beside each other show the same.
import sys

# This file has the library's name, and Python looks for that beside it first.
sys.path.pop(0)

from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from textual.app import App
from textual.reactive import Reactive
from textual.widget import Widget
from textual.widgets import Button, ButtonPressed, Footer, ScrollView, TreeClick, TreeControl


class Input(Widget):
    """A line that shows what is typed."""

    value = Reactive("")

    def render(self):
        return Panel(Text(self.value + "_", no_wrap=True), title="Input 入力", border_style="rgb(255,135,0)")


class Status(Widget):
    """What happened last."""

    text = Reactive("nothing")

    def render(self):
        return Text(f" {self.console.size.width}x{self.console.size.height} {self.text}", style="white on rgb(0,95,135)", no_wrap=True)


def document():
    """A long text with all that rich writes."""
    table = Table(title="Table 表")
    table.add_column("No", justify="right", style="cyan")
    table.add_column("漢字", style="magenta")
    table.add_column("Value", style="green")
    for i in range(60):
        link = f" [link=https://example.com/{i}]link[/]" if i > 35 else " no link"  # xterm.js underlines links
        table.add_row(str(i), "漢" * (i % 5), f"naïve [bold]{i * 37 % 101}[/] [italic]italic[/] [underline]under[/] [strike]struck[/]{link}")
    return table


class Sample(App):
    async def on_load(self):
        await self.bind("escape", "quit", "Quit")

    async def on_mount(self):
        self.line, self.status = Input(), Status()
        self.line.layout_size, self.status.layout_size = 3, 1
        tree = TreeControl("Tree 木", {})
        for i in range(6):
            await tree.add(tree.root.id, f"branch {i} 枝", {})
        for child in list(tree.root.children)[:3]:
            for i in range(4):
                await tree.add(child.id, f"leaf {i} é", {})
        await tree.root.expand()
        button = Button(label="Press 押す", name="press", style="black on rgb(165,165,165)")
        await self.view.dock(Footer(), edge="bottom")
        await self.view.dock(self.status, edge="bottom", size=1)
        await self.view.dock(ScrollView(tree), edge="left", size=26, name="side")
        await self.view.dock(self.line, edge="top", size=3)
        await self.view.dock(button, edge="bottom", size=3)
        self.body = ScrollView(gutter=1)
        await self.view.dock(self.body, edge="right")
        await self.body.update(document())

    async def handle_tree_click(self, message: TreeClick):
        self.status.text = f"clicked {message.node.label}"
        await message.node.toggle()

    async def handle_button_pressed(self, message: ButtonPressed):
        self.status.text = f"pressed {message.sender.name}"

    async def on_key(self, event):
        if await self.press(event.key):
            return
        if event.key == "ctrl+h":
            self.line.value = self.line.value[:-1]
        elif len(event.key) == 1:
            self.line.value += event.key
        elif event.key in ("down", "up", "pagedown", "pageup"):
            self.body.target_y += {"down": 1, "up": -1, "pagedown": 10, "pageup": -10}[event.key]
            self.body.y = self.body.target_y
        self.status.text = f"key {event.key}"


Sample.run(title="sample")
