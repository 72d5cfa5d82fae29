package retune.core.drift;

/** Mean and standard deviation of a sample. */
record Moments(int rows, double mean, double deviation) {
  static Moments of(float[] values) {
    double sum = 0;
    for (float value : values) {
      sum += value;
    }
    double mean = sum / values.length;
    double squares = 0;
    for (float value : values) {
      squares += (value - mean) * (value - mean);
    }
    return new Moments(values.length, mean, Math.sqrt(squares / values.length));
  }

  double variance() {
    return deviation * deviation;
  }
}
