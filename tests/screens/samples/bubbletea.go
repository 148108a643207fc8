// SPDX-License-Identifier: Apache-2.0

// Test material (test_frameworks.c): what programs made with bubbletea and bubbles do to a terminal. A list that can be
// filtered, a field and an area to write in, a table, a viewport, and what the mouse did. Nothing blinks, and nothing tells
// the time: two of them beside each other show the same.
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/charmbracelet/bubbles/cursor"
	"github.com/charmbracelet/bubbles/list"
	"github.com/charmbracelet/bubbles/table"
	"github.com/charmbracelet/bubbles/textarea"
	"github.com/charmbracelet/bubbles/textinput"
	"github.com/charmbracelet/bubbles/viewport"
	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/lipgloss"
)

type item struct{ name, about string }

func (i item) Title() string       { return i.name }
func (i item) Description() string { return i.about }
func (i item) FilterValue() string { return i.name }

type model struct {
	focus      int
	cols, rows int
	did        string
	inline     bool
	list       list.Model
	field      textinput.Model
	area       textarea.Model
	table      table.Model
	view       viewport.Model
}

const panes = 5

func newModel(inline bool) model {
	items := []list.Item{}
	for i := 1; i <= 40; i++ {
		end := "🎉 end"
		if i > 8 { // families and professions, not on the first page: other terminals differ there
			end = "👩‍💻 end"
		}
		items = append(items, item{fmt.Sprintf("item %d 日本", i), strings.Repeat("wörd ", i%7) + end})
	}
	m := model{inline: inline, did: "nothing", field: textinput.New(), area: textarea.New(), view: viewport.New(10, 3)}
	m.list = list.New(items, list.NewDefaultDelegate(), 20, 10)
	m.list.Title = "List 一覧"
	m.list.FilterInput.SetCursorMode(textinput.CursorStatic)
	m.field.Placeholder = "a field"
	m.field.SetCursorMode(textinput.CursorStatic)
	m.area.Placeholder = "an area"
	m.area.Cursor.SetCursorMode(cursor.CursorStatic)
	rows := []table.Row{}
	for i := 0; i < 30; i++ {
		rows = append(rows, table.Row{fmt.Sprint(i), fmt.Sprintf("naïve %d", i*i), strings.Repeat("漢", i%5)})
	}
	m.table = table.New(table.WithColumns([]table.Column{{Title: "No", Width: 4}, {Title: "Name", Width: 14}, {Title: "漢字", Width: 10}}), table.WithRows(rows), table.WithHeight(6))
	lines := []string{}
	for i := 0; i < 60; i++ {
		colour := lipgloss.Color(fmt.Sprintf("#%02x%02x%02x", i*4, 255-i*4, 128))
		lines = append(lines, lipgloss.NewStyle().Foreground(colour).Bold(i%2 == 0).Italic(i%3 == 0).Underline(i%5 == 0).Render(fmt.Sprintf("line %d of the view ✔ 🎉 é", i)))
	}
	m.view.SetContent(strings.Join(lines, "\n"))
	m.point()
	return m
}

// point gives the focus to its pane.
func (m *model) point() {
	m.field.Blur()
	m.area.Blur()
	m.table.Blur()
	switch m.focus {
	case 1:
		m.field.Focus()
	case 2:
		m.area.Focus()
	case 3:
		m.table.Focus()
	}
}

func (m model) Init() tea.Cmd { return nil }

func (m *model) size(cols, rows int) {
	m.cols, m.rows = cols, rows
	half := cols / 2
	m.list.SetSize(half-2, rows-4)
	m.field.Width = cols - half - 8
	m.area.SetWidth(cols - half - 4)
	m.area.SetHeight(3)
	m.table.SetWidth(cols - half - 4)
	m.view.Width = cols - half - 4
	m.view.Height = rows - 21
	if m.view.Height < 1 {
		m.view.Height = 1
	}
}

func (m model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	var cmd tea.Cmd
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.size(msg.Width, msg.Height)
		return m, nil
	case tea.MouseMsg:
		m.did = fmt.Sprintf("%s at %d,%d", tea.MouseEvent(msg), msg.X, msg.Y)
	case tea.KeyMsg:
		switch msg.String() {
		case "ctrl+c":
			return m, tea.Quit
		case "tab":
			m.focus = (m.focus + 1) % panes
			m.point()
			return m, nil
		}
		m.did = "key " + msg.String()
		if msg.Type == tea.KeyRunes { // how many come at once is chance
			m.did = "key " + string(msg.Runes[len(msg.Runes)-1:])
		}
	}
	switch m.focus {
	case 0:
		m.list, cmd = m.list.Update(msg)
	case 1:
		m.field, cmd = m.field.Update(msg)
	case 2:
		m.area, cmd = m.area.Update(msg)
	case 3:
		m.table, cmd = m.table.Update(msg)
	default:
		m.view, cmd = m.view.Update(msg)
	}
	return m, cmd
}

// box draws a pane, its border in another colour when it has the focus.
func (m model) box(which int, text string) string {
	colour := lipgloss.Color("#5f5f87")
	if which == m.focus {
		colour = lipgloss.Color("205")
	}
	return lipgloss.NewStyle().Border(lipgloss.RoundedBorder()).BorderForeground(colour).Render(text)
}

func (m model) View() string {
	if m.cols == 0 {
		return "starting"
	}
	foot := lipgloss.NewStyle().Reverse(true).Render(fmt.Sprintf(" %dx%d focus %d, %s ", m.cols, m.rows, m.focus, m.did))
	if m.inline {
		return m.box(1, m.field.View()) + "\n" + foot
	}
	right := lipgloss.JoinVertical(lipgloss.Left, m.box(1, m.field.View()), m.box(2, m.area.View()), m.box(3, m.table.View()), m.box(4, m.view.View()))
	return lipgloss.JoinHorizontal(lipgloss.Top, m.box(0, m.list.View()), right) + "\n" + foot
}

func main() {
	inline := len(os.Args) > 1 && os.Args[1] == "inline"
	options := []tea.ProgramOption{tea.WithAltScreen(), tea.WithMouseAllMotion()}
	m := newModel(inline)
	if inline {
		options = nil
		m.focus = 1
		m.point()
	}
	if err := tea.NewProgram(m, options...).Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
