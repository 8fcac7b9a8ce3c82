"""Static and evolving predictions: critical size, threshold pressure, current focusing, composition."""
