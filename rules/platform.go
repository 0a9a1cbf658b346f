package rules

import "drydock/site"

// platform would check that images and kernels are there to be installed. Only the node driver knows, and there is none here.
func platform(_ *site.Design, r *Report) {
	r.Warnf(Place{}, "the orchestrator that deploys the nodes checks this", "images and kernels were not checked: there is no node driver here to ask for them")
}
