"""Tables and figures of papers, one module for each kind: what it needs, captures and builds."""
