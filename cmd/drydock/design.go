package main

import "github.com/spf13/cobra"

func (a *app) designCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:     "design",
		Short:   "Get designs, and see how and from where",
		Example: "  drydock design resolve https://designs.example/site.yaml\n  drydock design check http://10.0.0.5:8080/site.yaml",
	},
		a.resolveCommand(), a.documentsCommand(), a.digestCommand(), a.checkCommand())
}
