"""Facts from headers: reads configs and tensor headers by range and never a weight; `steps.parse_model` calls it."""
