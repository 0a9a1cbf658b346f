package orchestrator

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"drydock"
	"drydock/site"
)

// Sites finds and checks designs. An error means that it could not look, a finding that it looked and the design is wrong.
type Sites interface {
	Load(ctx context.Context, ref string) (site.Report, error)
}

// Actions returns the actions that this service itself has: noop and validate_design, both repeatable.
func Actions(s Sites) map[drydock.Action]Handler {
	return map[drydock.Action]Handler{
		drydock.ActionNoop:           {Run: noop, Repeatable: true},
		drydock.ActionValidateDesign: {Run: validateDesign(s), Repeatable: true},
	}
}

// noop does nothing and says so.
func noop(_ context.Context, r *Run) (drydock.Result, error) {
	r.Final(drydock.Message{Text: "Noop action."})
	return drydock.Result{Status: drydock.ResultSuccess}, nil
}

// maxWithResult is how many messages are written together with a result; more are written before, in batches.
const maxWithResult = 200

// validateDesign loads the design of the task and turns what was found into messages. The task succeeds if nothing is an error.
func validateDesign(s Sites) ActionFunc {
	return func(ctx context.Context, r *Run) (drydock.Result, error) {
		report, err := s.Load(ctx, r.task.DesignRef)
		if err != nil {
			if ctx.Err() != nil {
				return drydock.Result{}, fmt.Errorf("load design: %w", context.Cause(ctx))
			}
			return notLoaded(r, err), nil
		}
		r.Resolved(report.Source)
		findings := report.Findings
		failures := 0
		messages := make([]drydock.Message, len(findings))
		for i := range findings {
			messages[i] = messageFor(&findings[i])
			if messages[i].Error {
				failures++
			}
		}
		for len(messages) > maxWithResult {
			n := min(len(messages), 1000)
			if err := r.Messages(ctx, messages[:n]...); err != nil {
				return drydock.Result{}, err
			}
			messages = messages[n:]
		}
		r.Final(append(messages, summary(report.Design, findings))...)
		if failures > 0 {
			return drydock.Result{
				Status: drydock.ResultFailure, Message: "The site design has errors.",
				Reason:   fmt.Sprintf("%d of %d messages are errors; each says what to correct.", failures, len(findings)),
				Failures: failedNodes(findings),
			}, nil
		}
		return drydock.Result{Status: drydock.ResultSuccess, Message: "The site design is valid."}, nil
	}
}

// failedNodes names the nodes that errors are about, each once, in the order of the findings. There are no successes: nothing was done to a node.
func failedNodes(findings []site.Finding) []string {
	var names []string
	seen := map[string]bool{}
	for i := range findings {
		if findings[i].Level != site.Error {
			continue
		}
		for _, d := range findings[i].Docs {
			if strings.HasPrefix(d.Schema, "drydock/BaremetalNode/") && d.Name != "" && !seen[d.Name] {
				seen[d.Name] = true
				names = append(names, d.Name)
			}
		}
	}
	return names
}

// summary says what was looked at, and what was not: rules are not asked about a design with broken documents.
func summary(d *site.Design, findings []site.Finding) drydock.Message {
	counts := d.Count()
	var kinds []string
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		kinds = append(kinds, fmt.Sprintf("%d %s", counts[kind], kind))
	}
	text := fmt.Sprintf("Good documents: %d", len(d.Documents))
	if len(kinds) > 0 {
		text += " (" + strings.Join(kinds, ", ") + ")"
	}
	scope := "What they inherit and the rules of the site were checked."
	if !slices.ContainsFunc(findings, func(f site.Finding) bool { return f.Rule != "" }) {
		scope = "Each was checked by itself; the rules of the site are checked when every document is good."
	}
	return drydock.Message{
		Text:        text + ". " + scope,
		ContextType: "NA", Context: "NA",
		Extra: extra(struct {
			Level  string `json:"level"`
			Digest string `json:"sha256"`
			Size   int    `json:"bytes"`
		}{string(site.Info), d.Digest, d.Size}),
	}
}

// notLoaded is the result of a validation that could not look. The error says what to do about it.
func notLoaded(r *Run, err error) drydock.Result {
	r.Final(drydock.Message{Text: clean(fmt.Sprintf("The design could not be loaded: %v", err), drydock.MaxMessageText), Error: true})
	return drydock.Result{Status: drydock.ResultFailure, Message: "The site design could not be loaded.", Reason: clean(err.Error(), 1000)}
}
