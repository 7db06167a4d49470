"""The APIs that clients can speak. All of them use the same `Call`."""
