// Command drydock is the one binary of the Drydock state service: the server (serve, migrate) and the commands that talk to one (task, node,
// status). This is where the rooms meet; serve.go shows every arrow of the house in one function.
package main
