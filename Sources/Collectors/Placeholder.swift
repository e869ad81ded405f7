enum CollectorsPlaceholder {}
