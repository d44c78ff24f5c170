"""When months run: the monthly job, its schedule and the sensors."""
