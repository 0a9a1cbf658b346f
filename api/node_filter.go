package api

import (
	"encoding/json"
	"fmt"
)

// The members of a node filter. Criteria that are missing or null are skipped by whoever selects nodes.
var (
	filterMembers  = []string{"filter_set_type", "filter_set"}
	elementMembers = []string{"filter_type", "node_names", "node_tags", "rack_names", "node_labels", "rack_labels"}
)

// checkNodeFilter says what is wrong with the structure of a node filter, by the path of the place. Whether the names exist is the design's matter.
func checkNodeFilter(path string, raw json.RawMessage) error {
	filter, err := members(path, raw, filterMembers...)
	if err != nil {
		return err
	}
	if err := checkSetType(path+".filter_set_type", filter["filter_set_type"]); err != nil {
		return err
	}
	if filter["filter_set"] == nil {
		return invalid("%s.filter_set is required", path)
	}
	elements, err := list(path+".filter_set", filter["filter_set"])
	if err != nil {
		return err
	}
	for i, element := range elements {
		if err := checkFilterElement(fmt.Sprintf("%s.filter_set[%d]", path, i), element); err != nil {
			return err
		}
	}
	return nil
}

func checkFilterElement(path string, raw json.RawMessage) error {
	element, err := members(path, raw, elementMembers...)
	if err != nil {
		return err
	}
	if err := checkSetType(path+".filter_type", element["filter_type"]); err != nil {
		return err
	}
	for _, name := range elementMembers[1:] {
		value := element[name]
		if value == nil || form(value) == "null" {
			continue
		}
		check := checkNames
		if name == "node_labels" || name == "rack_labels" {
			check = checkLabels
		}
		if err := check(path+"."+name, value); err != nil {
			return err
		}
	}
	return nil
}

func checkSetType(path string, raw json.RawMessage) error {
	if raw == nil {
		return invalid("%s is required", path)
	}
	value, err := text(path, raw)
	if err != nil {
		return err
	}
	if value != "union" && value != "intersection" {
		return invalid("%s must be union or intersection, not %.60q", path, value)
	}
	return nil
}

func checkNames(path string, raw json.RawMessage) error {
	names, err := list(path, raw)
	if err != nil {
		return err
	}
	for i, name := range names {
		if _, err := text(fmt.Sprintf("%s[%d]", path, i), name); err != nil {
			return err
		}
	}
	return nil
}

func checkLabels(path string, raw json.RawMessage) error {
	if form(raw) != "an object" {
		return invalid("%s must be an object, not %s", path, form(raw))
	}
	seen := map[string]bool{}
	return unmarshalMembers(raw, func(name string, value json.RawMessage) error {
		if seen[name] {
			return invalid("Field %s.%.60s is given twice", path, name)
		}
		seen[name] = true
		_, err := text(fmt.Sprintf("%s.%.60s", path, name), value)
		return err
	})
}
