package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"drydock"
	"drydock/api"
	"drydock/site"
)

const effectiveHelp = "Shows a node as it is after inheritance: what it says itself and what it has from its host profiles, with the hardware that it\n" +
	"names. In the table form, which is YAML, a comment names the document that a value comes from, where it is not the node's own."

// compiled is a design as it was written and as it is after inheritance.
type compiled struct {
	designSource
	designed, effective *site.Design
	report              site.Report // of the effective one, without the rules
}

// compile reads a design and compiles what it inherits. Documents with errors are left out, as findings of the report say.
func (r *designReader) compile(ctx context.Context, arg string) (compiled, error) {
	source, err := r.read(ctx, arg)
	if err != nil {
		return compiled{}, err
	}
	in, err := newIngester()
	if err != nil {
		return compiled{}, err
	}
	c := compiled{designSource: source}
	designed, findings := in.Ingest(source.text)
	effective, more := site.Compile(designed)
	c.designed, c.effective = designed, effective
	c.report = site.Report{Design: effective, Findings: append(findings, more...), Source: source.from}
	return c, nil
}

// certain reads and compiles a design whose nodes must all be known, or returns ErrInvalid.
func (r *designReader) certain(ctx context.Context, arg string) (compiled, error) {
	c, err := r.compile(ctx, arg)
	if err == nil {
		if err = api.Certain(&c.report); err != nil {
			err = fmt.Errorf("%w (all that is wrong: %s design validate %s)", err, r.a.name, c.arg)
		}
	}
	return c, err
}

// effectiveNode is what is shown of a node.
type effectiveNode struct {
	Schema      string            `json:"schema"`
	Name        string            `json:"name"`
	FQDN        string            `json:"fqdn"`
	CommandLine string            `json:"kernel_command_line"`
	BootActions []string          `json:"boot_actions"`
	Incomplete  bool              `json:"incomplete"` // something that it inherits is missing
	Data        shown             `json:"data"`
	Hardware    shown             `json:"hardware"` // the hardware profile; empty if there is none
	Origins     map[string]string `json:"origins"`  // JSON pointer → document, of values that are not the node's own
}

// showEffective prints a node of the design that arg names with everything that it inherits. ErrNotFound if it has no such node.
func (a *app) showEffective(ctx context.Context, reader *designReader, arg, name string) error {
	c, err := reader.compile(ctx, arg)
	if err != nil {
		return err
	}
	node := c.effective.Node(name)
	if node == nil {
		return c.noSuchNode(name)
	}
	if c.report.Failed() {
		fmt.Fprintf(a.err, "drydock: the design has errors, so this may not be all: %s design validate %s\n", a.name, c.arg)
	}
	e := c.describe(node)
	return a.print(e, func(w io.Writer) { err = e.write(w) })
}

// noSuchNode says which nodes there are instead.
func (c *compiled) noSuchNode(name string) error {
	var names []string
	for _, n := range c.effective.Nodes {
		if len(names) == 10 {
			names = append(names, "…")
			break
		}
		names = append(names, plain(n.Name))
	}
	err := fmt.Errorf("%w: %s has no node %q; it has %s", drydock.ErrNotFound, c.name, name, count(len(c.effective.Nodes), "node"))
	if len(names) > 0 {
		err = fmt.Errorf("%w: %s", err, strings.Join(names, ", "))
	}
	return err
}

func (c *compiled) describe(n *site.BaremetalNode) effectiveNode {
	line, _ := n.KernelCommandLine() // what is wrong with it is a finding
	e := effectiveNode{
		Schema: n.Schema, Name: n.Name, FQDN: c.effective.FQDN(n), CommandLine: strings.TrimSpace(line), BootActions: []string{}, Incomplete: n.Incomplete,
		Data: shown{n.Plain()}, Hardware: shown{site.Fields{}}, Origins: c.origins(n),
	}
	if hw := c.effective.HardwareProfile(n.HardwareProfile.V); hw != nil && n.HardwareProfile.Set {
		e.Hardware.value = hw.Plain()
	}
	for _, b := range c.effective.BootActions {
		for _, target := range b.Targets {
			if target == n.Name {
				e.BootActions = append(e.BootActions, b.Name)
				break
			}
		}
	}
	return e
}

// origins says which document the values of an effective node come from: the nearest one of its lineage that has them in the same place. What no
// document has is made of the hardware profile.
func (c *compiled) origins(n *site.BaremetalNode) map[string]string {
	origins := map[string]string{}
	var hosts []map[string]any // leaves, nearest first
	var names []string
	add := func(name string, plain site.Fields) {
		leaves := map[string]any{}
		site.Leaves("/data", plain, func(path string, value any) { leaves[path] = value })
		hosts, names = append(hosts, leaves), append(names, name)
	}
	own := c.designed.Node(n.Name)
	add("", own.Plain())
	seen := map[string]bool{}
	for parent := own.Profile; parent.Set && !seen[parent.V]; {
		seen[parent.V] = true
		p := c.designed.HostProfile(parent.V)
		if p == nil {
			break
		}
		add("HostProfile/"+p.Name, p.Plain())
		parent = p.Profile
	}
	site.Leaves("/data", n.Plain(), func(path string, value any) {
		for i, leaves := range hosts {
			if v, ok := leaves[path]; ok && v == value {
				if names[i] != "" {
					origins[path] = names[i]
				}
				return
			}
		}
		if n.HardwareProfile.Set {
			origins[path] = "HardwareProfile/" + n.HardwareProfile.V
		}
	})
	return origins
}

// write writes the node as YAML with a comment wherever a value is not its own.
func (e *effectiveNode) write(w io.Writer) error {
	fields := site.Fields{{Name: "schema", Value: e.Schema}, {Name: "name", Value: e.Name}, {Name: "fqdn", Value: e.FQDN}}
	if e.Incomplete {
		fields = append(fields, site.Field{Name: "incomplete", Value: true})
	}
	if e.CommandLine != "" {
		fields = append(fields, site.Field{Name: "kernel_command_line", Value: e.CommandLine})
	}
	if len(e.BootActions) > 0 {
		var actions site.Items
		for _, name := range e.BootActions {
			actions = append(actions, site.Item{Key: name, Value: name})
		}
		fields = append(fields, site.Field{Name: "boot_actions", Value: actions})
	}
	fields = append(fields, site.Field{Name: "data", Value: e.Data.value})
	if hw, ok := e.Hardware.value.(site.Fields); ok && len(hw) > 0 {
		fields = append(fields, site.Field{Name: "hardware", Value: hw})
	}
	node, err := plainYAML("", fields, e.Origins)
	if err != nil {
		return err
	}
	return encodeYAML(w, node)
}
