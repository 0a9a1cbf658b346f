// Package keystonetest runs a real Keystone for tests: [Shared] is one for all tests of a process, [Start] is one of a test's own. Where
// Keystone is not installed these fail and say how to get it.
package keystonetest
