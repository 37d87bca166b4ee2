"""Resources to start from: runtimes, accelerator classes and numbered examples, as YAML."""
