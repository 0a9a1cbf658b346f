package main

import "github.com/spf13/cobra"

func (a *app) designCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:     "design",
		Short:   "Get, check, show and compare designs",
		Example: "  drydock design validate site.yaml\n  drydock design diff old.yaml new.yaml\n  drydock design check http://10.0.0.5:8080/site.yaml",
	},
		a.validateCommand(), a.designShowCommand(), a.diffCommand(), a.nodesCommand(), a.resolveCommand(), a.digestCommand(), a.checkCommand())
}

func (a *app) designShowCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "show REF|FILE|-",
		Short: "Print the documents of a design as they came, or a node with everything that it inherits",
		Long: "Writes the documents behind a reference to standard output, byte for byte. With --effective it shows one node instead:\n\n" +
			effectiveHelp + "\n\n" + hereHelp,
		Example: "  drydock design show https://designs.example/site.yaml > site.yaml\n  drydock design show --effective cab1-r01-n03 site.yaml -o json",
		Args:    cobra.ExactArgs(1),
	}
	node := c.Flags().String("effective", "", "the node to show")
	reader := a.designReader(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if cmd.Flags().Changed("effective") {
			return a.showEffective(cmd.Context(), reader, args[0], *node)
		}
		source, err := reader.read(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		_, err = a.out.Write(source.text)
		return err
	}
	return c
}
