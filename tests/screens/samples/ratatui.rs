// SPDX-License-Identifier: Apache-2.0

// Test material (test_frameworks.c): what programs made with tui-rs and ratatui, which grew out of it, do to a terminal
// through crossterm. Tabs; a list, a paragraph that wraps and scrolls, a table, gauges and a chart; a line of input; what the
// mouse did. Nothing blinks, and nothing tells the time: two of them beside each other show the same.
use crossterm::event::{
    read, DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture, Event, KeyCode, KeyModifiers,
};
use crossterm::terminal::{disable_raw_mode, enable_raw_mode, EnterAlternateScreen, LeaveAlternateScreen, SetTitle};
use std::io;
use tui::backend::{Backend, CrosstermBackend};
use tui::layout::{Constraint, Direction, Layout, Rect};
use tui::style::{Color, Modifier, Style};
use tui::text::{Span, Spans};
use tui::widgets::{
    Axis, BarChart, Block, BorderType, Borders, Chart, Clear, Dataset, Gauge, List, ListItem, ListState, Paragraph, Row, Sparkline,
    Table, Tabs, Wrap,
};
use tui::{symbols, Frame, Terminal};

struct State {
    tab: usize,
    list: ListState,
    scroll: u16,
    input: String,
    did: String,
    popup: bool,
}

fn block(title: &str) -> Block<'_> {
    Block::default().borders(Borders::ALL).border_type(BorderType::Rounded).title(title)
}

fn rgb(i: u16) -> Color {
    Color::Rgb((i * 9 % 256) as u8, (255 - i * 5 % 256) as u8, 140)
}

fn text_tab<B: Backend>(f: &mut Frame<B>, s: &mut State, area: Rect) {
    let parts = Layout::default()
        .direction(Direction::Horizontal)
        .constraints([Constraint::Percentage(40), Constraint::Percentage(60)])
        .split(area);
    let items: Vec<ListItem> = (0..50)
        .map(|i| {
            ListItem::new(Spans::from(vec![
                Span::styled(format!("{i:>3} "), Style::default().fg(rgb(i))),
                Span::raw("日本 "),
                // Families and professions are far down: other terminals differ there.
                Span::styled(if i > 30 { "é👩‍💻 item" } else { "é🎉 item" }, Style::default().add_modifier(Modifier::ITALIC)),
            ]))
        })
        .collect();
    let list = List::new(items)
        .block(block("List 一覧"))
        .highlight_symbol("» ")
        .highlight_style(Style::default().bg(Color::Blue).add_modifier(Modifier::BOLD));
    f.render_stateful_widget(list, parts[0], &mut s.list);
    let lines: Vec<Spans> = (0..60)
        .map(|i| {
            Spans::from(vec![
                Span::styled(format!("line {i}: "), Style::default().fg(rgb(i)).add_modifier(Modifier::BOLD)),
                Span::styled("漢字かな交じり文 naïve ✔ 🎉 ", Style::default().add_modifier(Modifier::UNDERLINED)),
                Span::raw("and what has to be wrapped, word by word, at the right margin of its box. "),
                Span::styled("dim", Style::default().add_modifier(Modifier::DIM)),
                Span::styled(" struck", Style::default().add_modifier(Modifier::CROSSED_OUT)),
                Span::styled(" reversed", Style::default().add_modifier(Modifier::REVERSED)),
            ])
        })
        .collect();
    f.render_widget(Paragraph::new(lines).wrap(Wrap { trim: true }).scroll((s.scroll, 0)).block(block("Text")), parts[1]);
}

fn chart_tab<B: Backend>(f: &mut Frame<B>, s: &State, area: Rect) {
    let parts = Layout::default()
        .direction(Direction::Vertical)
        .constraints([Constraint::Length(3), Constraint::Length(6), Constraint::Percentage(50), Constraint::Min(1)])
        .split(area);
    f.render_widget(Gauge::default().block(block("Gauge")).gauge_style(Style::default().fg(Color::LightGreen)).percent(37), parts[0]);
    let data: Vec<u64> = (0..200).map(|i| (i * i * 7 + u64::from(s.scroll)) % 41).collect();
    f.render_widget(Sparkline::default().block(block("Sparkline")).data(&data).style(Style::default().fg(Color::Rgb(255, 128, 0))), parts[1]);
    let wave: Vec<(f64, f64)> = (0..200).map(|i| (f64::from(i) / 10.0, (f64::from(i) / 10.0).sin() * 9.0)).collect();
    let sets = vec![
        Dataset::default().name("sine").marker(symbols::Marker::Braille).style(Style::default().fg(Color::Cyan)).data(&wave),
        Dataset::default().name("dots").marker(symbols::Marker::Dot).style(Style::default().fg(Color::Magenta)).data(&wave[..40]),
    ];
    let chart = Chart::new(sets)
        .block(block("Chart"))
        .x_axis(Axis::default().title("x").bounds([0.0, 20.0]).labels(vec![Span::raw("0"), Span::raw("20")]))
        .y_axis(Axis::default().title("y").bounds([-10.0, 10.0]).labels(vec![Span::raw("-10"), Span::raw("10")]));
    f.render_widget(chart, parts[2]);
    let bars = BarChart::default().block(block("Bars")).bar_width(5).data(&[("一", 3), ("two", 9), ("trois", 5), ("vier", 7)]);
    f.render_widget(bars, parts[3]);
}

fn table_tab<B: Backend>(f: &mut Frame<B>, s: &State, area: Rect) {
    let rows = (0..100u16).skip(s.scroll as usize).map(|i| {
        Row::new(vec![format!("{i}"), "漢".repeat((i % 6) as usize), format!("value {}", i * 37 % 101)]).style(Style::default().fg(rgb(i)))
    });
    let table = Table::new(rows)
        .header(Row::new(vec!["No", "漢字", "Value"]).style(Style::default().add_modifier(Modifier::BOLD | Modifier::REVERSED)))
        .block(block("Table"))
        .widths(&[Constraint::Length(5), Constraint::Length(12), Constraint::Min(10)]);
    f.render_widget(table, area);
}

fn draw<B: Backend>(f: &mut Frame<B>, s: &mut State) {
    let size = f.size();
    let parts = Layout::default()
        .direction(Direction::Vertical)
        .constraints([Constraint::Length(3), Constraint::Min(3), Constraint::Length(3), Constraint::Length(1)])
        .split(size);
    let names = ["Text", "Charts 図", "Table"].iter().map(|t| Spans::from(*t)).collect();
    let chosen = Style::default().fg(Color::Yellow).add_modifier(Modifier::BOLD);
    f.render_widget(Tabs::new(names).block(block("Tabs")).select(s.tab).highlight_style(chosen), parts[0]);
    match s.tab {
        0 => text_tab(f, s, parts[1]),
        1 => chart_tab(f, s, parts[1]),
        _ => table_tab(f, s, parts[1]),
    }
    f.render_widget(Paragraph::new(s.input.as_ref()).block(block("Input")), parts[2]);
    let width: u16 = s.input.chars().map(|c| if c as u32 > 0x2fff { 2 } else { 1 }).sum();
    f.set_cursor((parts[2].x + 1 + width).min(size.width - 2), parts[2].y + 1);
    let foot = format!(" {}x{} tab {}, {} ", size.width, size.height, s.tab, s.did);
    f.render_widget(Paragraph::new(foot).style(Style::default().bg(Color::Indexed(238)).fg(Color::White)), parts[3]);
    if s.popup {
        let area = Rect::new(size.width / 4, size.height / 4, size.width / 2, size.height / 2);
        f.render_widget(Clear, area);
        f.render_widget(Paragraph::new("A popup 日本 over all of it").block(block("Popup").border_type(BorderType::Double)), area);
    }
}

/// Takes an event; false for the one that ends it.
fn take(s: &mut State, event: Event) -> bool {
    match event {
        Event::Key(k) => {
            s.did = format!("key {:?} {:?}", k.code, k.modifiers);
            match k.code {
                KeyCode::Esc => return false,
                KeyCode::Tab => s.tab = (s.tab + 1) % 3,
                KeyCode::F(2) => s.popup = !s.popup,
                KeyCode::Down => s.list.select(Some((s.list.selected().unwrap_or(0) + 1) % 50)),
                KeyCode::Up => s.list.select(Some((s.list.selected().unwrap_or(0) + 49) % 50)),
                KeyCode::PageDown => s.scroll += 5,
                KeyCode::PageUp => s.scroll = s.scroll.saturating_sub(5),
                KeyCode::Backspace => drop(s.input.pop()),
                KeyCode::Char('u') if k.modifiers == KeyModifiers::CONTROL => s.input.clear(),
                KeyCode::Char(c) => s.input.push(c),
                _ => {}
            }
        }
        Event::Mouse(m) => s.did = format!("{:?} at {},{}", m.kind, m.column, m.row),
        Event::Paste(text) => s.input.push_str(&text),
        _ => {}
    }
    true
}

fn main() -> Result<(), io::Error> {
    let mut state = State { tab: 0, list: ListState::default(), scroll: 0, input: String::new(), did: "nothing".into(), popup: false };
    state.list.select(Some(0));
    enable_raw_mode()?;
    crossterm::execute!(io::stdout(), EnterAlternateScreen, EnableMouseCapture, EnableBracketedPaste, SetTitle("sample 日本"))?;
    let mut terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
    loop {
        terminal.draw(|f| draw(f, &mut state))?;
        if !take(&mut state, read()?) {
            break;
        }
    }
    crossterm::execute!(io::stdout(), DisableBracketedPaste, DisableMouseCapture, LeaveAlternateScreen)?;
    disable_raw_mode()
}
