// Command provisioner is an orchestrator of one's own: it brings the actions deploy_nodes and deploy_node, here simulated, and leads with them on a
// Drydock database. See README.md.
package main
