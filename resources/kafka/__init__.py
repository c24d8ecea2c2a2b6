"""The Kafka transport from within: clients of two libraries, ticks from a topic, signals to one."""
