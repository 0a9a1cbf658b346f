package main

import "github.com/spf13/cobra"

func (a *app) designCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:     "design",
		Short:   "Check, show and compare designs",
		Example: "  drydock design validate site.yaml\n  drydock design diff old.yaml new.yaml",
	},
		a.validateCommand(), a.designShowCommand(), a.diffCommand(), a.nodesCommand())
}

// designShowCommand shows a node of a design as it is after inheritance.
func (a *app) designShowCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "show REF|FILE|-",
		Short:   "Show a node with everything that it inherits",
		Long:    effectiveHelp,
		Example: "  drydock design show --effective cab1-r01-n03 site.yaml\n  drydock design show --effective cab1-r01-n03 https://designs.example/site.yaml -o json",
		Args:    cobra.ExactArgs(1),
	}
	node := c.Flags().String("effective", "", "the node to show (required)")
	reader := a.designReader(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if *node == "" {
			return usageError{"--effective must name the node to show"}
		}
		return a.showEffective(cmd.Context(), reader, args[0], *node)
	}
	return c
}
