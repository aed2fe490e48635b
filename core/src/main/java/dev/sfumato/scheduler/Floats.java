package dev.sfumato.scheduler;

/** float32 functions that round as the engine's do. */
final class Floats {
  private Floats() {}

  /** The float nearest to the root: rounding the double's root gives it. */
  static float sqrt(float value) {
    return (float) Math.sqrt(value);
  }

  static float exp(float value) {
    return (float) Math.exp(value);
  }

  static float log(float value) {
    return (float) Math.log(value);
  }

  /** e^value - 1, exact near 0. */
  static float expm1(float value) {
    return (float) Math.expm1(value);
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
