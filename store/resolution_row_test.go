package store

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"drydock"
)

// What is written is read back, whatever it is, and the fast way reads what a decoder reads.
func TestResolutionRow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z:/?&=<>"\\\\*#é]{0,20}`))
		number := rapid.Int64Range(0, 1<<50)
		want := drydock.Resolution{
			Ref: text.Draw(t, "ref"), Digest: text.Draw(t, "digest"), Size: number.Draw(t, "size"), ETag: text.Draw(t, "etag"),
			Origin: drydock.Origin(text.Draw(t, "origin")), Resolved: unixMicro(number.Draw(t, "resolved")), Fetched: unixMicro(number.Draw(t, "fetched")),
			Attempts: rapid.IntRange(0, 99).Draw(t, "attempts"), Took: time.Duration(rapid.IntRange(0, 1<<40).Draw(t, "took")) * time.Microsecond,
		}
		row := *resolutionText(&want)
		var got resolution
		if err := got.Scan(row); err != nil || !reflect.DeepEqual(got.Resolution, &want) {
			t.Fatalf("%s is read as %+v, %v", row, got.Resolution, err)
		}
		cut := row[:rapid.IntRange(0, len(row)).Draw(t, "cut")] + text.Draw(t, "more")
		var slow resolutionRow
		if fast, ok := readOwnRow(cut); ok && (json.Unmarshal([]byte(cut), &slow) != nil || slow != fast) {
			t.Fatalf("%s is read as %+v, and slowly as %+v", cut, fast, slow)
		}
	})
}
