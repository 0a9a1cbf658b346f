package api

import (
	"bytes"
	"encoding/json"
	"fmt"

	"drydock"
)

// member is one member of a JSON object whose order matters.
type member struct {
	name  string
	value any
}

// marshalMembers writes an object with its members in the order given, which a map would not keep.
func marshalMembers(members []member) ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range members {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := marshal(m.name)
		if err != nil {
			return nil, err
		}
		value, err := marshal(m.value)
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", m.name, err)
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// unmarshalMembers calls each for the members of an object, in the order of the text.
func unmarshalMembers(data []byte, each func(name string, value json.RawMessage) error) error {
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil {
		return err
	} else if t != json.Delim('{') {
		return fmt.Errorf("%w: an object was expected", drydock.ErrInvalid)
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
		if err := each(name.(string), value); err != nil { // the decoder lets nothing else stand before a colon
			return err
		}
	}
	return nil
}

// MarshalJSON writes the object.
func (e OrderedSubtaskErrors) MarshalJSON() ([]byte, error) {
	members := make([]member, 0, len(e))
	for i := range e {
		members = append(members, member{string(e[i].TaskID), e[i]})
	}
	return marshalMembers(members)
}

// UnmarshalJSON reads the object and keeps its order.
func (e *OrderedSubtaskErrors) UnmarshalJSON(data []byte) error {
	*e = OrderedSubtaskErrors{}
	return unmarshalMembers(data, func(_ string, value json.RawMessage) error {
		var one SubtaskError
		if err := json.Unmarshal(value, &one); err != nil {
			return err
		}
		*e = append(*e, one)
		return nil
	})
}

// MarshalJSON writes the object.
func (l TaskLayers) MarshalJSON() ([]byte, error) {
	members := make([]member, 0, len(l.Tasks)+2)
	members = append(members, member{"init_task_id", l.InitTaskID})
	for i := range l.Tasks {
		members = append(members, member{string(l.Tasks[i].TaskID), &l.Tasks[i]})
	}
	if l.Errors != nil {
		members = append(members, member{"subtask_errors", l.Errors})
	}
	return marshalMembers(members)
}

// UnmarshalJSON reads the object and keeps its order.
func (l *TaskLayers) UnmarshalJSON(data []byte) error {
	*l = TaskLayers{}
	return unmarshalMembers(data, func(name string, value json.RawMessage) error {
		switch name {
		case "init_task_id":
			return json.Unmarshal(value, &l.InitTaskID)
		case "subtask_errors":
			return json.Unmarshal(value, &l.Errors)
		}
		var t Task
		if err := json.Unmarshal(value, &t); err != nil {
			return err
		}
		l.Tasks = append(l.Tasks, t)
		return nil
	})
}
