enum ZMQBridgePlaceholder {}
