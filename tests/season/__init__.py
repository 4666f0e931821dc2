"""Two years of a village in minutes: farmers who visit, answer, mistype, stop, and a kiosk that reboots meanwhile."""
