package main

import (
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"
)

// flagText collects what was given for the flag of an option; it is read by the option's set later, so that one place checks values.
type flagText struct {
	values   []string
	kind     string
	fallback string // shown by help
}

func (f *flagText) String() string     { return f.fallback }
func (f *flagText) Type() string       { return f.kind }
func (f *flagText) IsBoolFlag() bool   { return f.kind == "" }
func (f *flagText) Set(s string) error { f.values = append(f.values, s); return nil }

// optionFlags adds the flags of the named options, or of all, and --config-file. The function that it returns loads the configuration once the
// command line has been read.
func (a *app) optionFlags(cmd *cobra.Command, names ...string) func() (config, []string, error) {
	given := map[string]*flagText{}
	defaults := defaultConfig()
	for i := range options {
		o := &options[i]
		if o.flag == "" || len(names) > 0 && !slices.Contains(names, o.flag) {
			continue
		}
		f := &flagText{kind: o.value, fallback: o.get(&defaults)}
		help := fmt.Sprintf("%s; environment: %s", o.help, o.env[0])
		flag := cmd.Flags().VarPF(f, o.flag, "", help)
		if o.value == "" {
			flag.NoOptDefVal, flag.DefValue = "true", ""
		}
		given[o.flag] = f
	}
	file := cmd.Flags().String("config-file", a.env["DRYDOCK_CONFIG_FILE"], "INI file with options; environment: DRYDOCK_CONFIG_FILE")
	return func() (config, []string, error) {
		flags := map[string][]string{}
		for _, name := range slices.Sorted(maps.Keys(given)) {
			if f := given[name]; len(f.values) > 0 {
				flags[name] = f.values
			}
		}
		return loadConfig(source{file: *file, lookup: a.env, flags: flags})
	}
}
