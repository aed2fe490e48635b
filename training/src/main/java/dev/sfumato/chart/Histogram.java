package dev.sfumato.chart;

/**
 * A histogram with buckets of equal width from the least to the greatest value.
 *
 * @param min the least value
 * @param max the greatest value
 * @param sum of all values
 * @param sumOfSquares of all values
 * @param counts values in each bucket; not to be changed afterwards
 */
public record Histogram(double min, double max, double sum, double sumOfSquares, double[] counts) {

  /** The upper end of bucket {@code i}. */
  double limit(int i) {
    return min + (max - min) * (i + 1) / counts.length;
  }
}
