package reference

import (
	"errors"
	"strings"

	"go.yaml.in/yaml/v3"

	"drydock"
)

// serviceStatus is what is read of an error that a service answers, in YAML or in JSON: the status form of Airship, or the form of Keystone's
// middleware, which is in front of the services.
type serviceStatus struct {
	Kind    string `yaml:"kind"`
	Message string `yaml:"message"`
	Reason  string `yaml:"reason"`
	Details struct {
		MessageList []struct {
			Message string `yaml:"message"`
		} `yaml:"messageList"`
	} `yaml:"details"`
	Error struct {
		Message string `yaml:"message"`
	} `yaml:"error"`
}

const (
	statusRunes    = 400 // of each message that is shown
	statusMessages = 5   // of the list that are shown
)

// serviceSaid is the message of a service's error for one line; empty if body is no such error.
func serviceSaid(body string) string {
	var s serviceStatus
	var partly *yaml.TypeError // what has the expected form is read all the same
	if err := yaml.Unmarshal([]byte(body), &s); err != nil && !errors.As(err, &partly) {
		return ""
	}
	if s.Kind != "Status" {
		return drydock.OneLine(s.Error.Message, statusRunes)
	}
	var parts []string
	add := func(text string) {
		if text = drydock.OneLine(text, statusRunes); text == "" {
			return
		}
		for _, p := range parts { // services like to say the same thing thrice
			if strings.Contains(p, text) {
				return
			}
		}
		parts = append(parts, text)
	}
	add(s.Message)
	for i, m := range s.Details.MessageList {
		if i == statusMessages {
			parts = append(parts, "…")
			break
		}
		add(m.Message)
	}
	if reason := drydock.OneLine(s.Reason, statusRunes); reason != "" && reason != "Unspecified" {
		parts = append(parts, "reason: "+reason)
	}
	return strings.Join(parts, "; ")
}
