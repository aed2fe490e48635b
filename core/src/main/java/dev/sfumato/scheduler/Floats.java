package dev.sfumato.scheduler;

/** float32 functions that round as the engine's do. */
final class Floats {
  private Floats() {}

  /** The float nearest to the root: rounding the double's root gives it. */
  static float sqrt(float value) {
    return (float) Math.sqrt(value);
  }

  /** Running products; factors are float32, the product is kept in double, as the engine does. */
  static float[] cumprod(float[] factors) {
    float[] products = new float[factors.length];
    double product = 1;
    for (int i = 0; i < factors.length; i++) {
      product *= factors[i];
      products[i] = (float) product;
    }
    return products;
  }
}
