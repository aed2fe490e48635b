package dev.sfumato.scheduler;

/**
 * The weights of one step of DPM-Solver (Lu et al. 2022, 2206.00927) or DPM-Solver++ (2211.01095)
 * from level s to level t, over h = lambda_t - lambda_s:
 *
 * <pre>x_t = x x_s + d0 D_0 + d1 D_1 + d2 D_2 + noise z</pre>
 *
 * D_0 is the model's x_0 or noise at s, D_1 and D_2 estimate h times its first and h^2 times its
 * second derivative by lambda. The weights are integrals of exponentials times 1, l and l^2 / 2.
 *
 * @param midpoint d1 of the midpoint method
 * @param heun d1 of Heun's method
 */
record DpmWeights(float x, float d0, float midpoint, float heun, float d2, float noise) {

  static DpmWeights of(AlgorithmType algorithm, NoiseLevel s, NoiseLevel t) {
    float h = t.lambda() - s.lambda();
    return switch (algorithm) {
      case DPMSOLVER -> ofNoise(s, t, h);
      case DPMSOLVER_PLUS_PLUS, DEIS -> ofData(s, t, h);
      case SDE_DPMSOLVER -> ofNoiseStochastic(s, t, h);
      case SDE_DPMSOLVER_PLUS_PLUS -> ofDataStochastic(s, t, h);
    };
  }

  /** (1) x_t = alpha_t / alpha_s x_s - sigma_t (e^h - 1) eps + ... */
  private static DpmWeights ofNoise(NoiseLevel s, NoiseLevel t, float h) {
    float sigma = t.sigma();
    float phi = Floats.exp(h) - 1;
    return new DpmWeights(
        t.signal() / s.signal(),
        -sigma * phi,
        -0.5f * (sigma * phi),
        -sigma * (phi / h - 1),
        -sigma * ((phi - h) / (h * h) - 0.5f),
        0);
  }

  /** (2) x_t = sigma_t / sigma_s x_s - alpha_t (e^-h - 1) x_0 + ... */
  private static DpmWeights ofData(NoiseLevel s, NoiseLevel t, float h) {
    float alpha = t.signal();
    float phi = Floats.exp(-h) - 1;
    return new DpmWeights(
        t.sigma() / s.sigma(),
        -alpha * phi,
        -0.5f * (alpha * phi),
        alpha * (phi / h + 1),
        -alpha * ((phi + h) / (h * h) - 0.5f),
        0);
  }

  /** (3) x_t = alpha_t / alpha_s x_s - 2 sigma_t (e^h - 1) eps + ... + sigma_t sqrt(e^2h - 1) z. */
  private static DpmWeights ofNoiseStochastic(NoiseLevel s, NoiseLevel t, float h) {
    float sigma = t.sigma();
    float phi = Floats.exp(h) - 1;
    return new DpmWeights(
        t.signal() / s.signal(),
        -2 * (sigma * phi),
        -(sigma * phi),
        -2 * (sigma * (phi / h - 1)),
        Float.NaN,
        sigma * Floats.sqrt(Floats.exp(2 * h) - 1));
  }

  /**
   * (4) x_t = sigma_t / sigma_s e^-h x_s + alpha_t (1 - e^-2h) x_0 + ... + sigma_t sqrt(1 - e^-2h)
   * z.
   */
  private static DpmWeights ofDataStochastic(NoiseLevel s, NoiseLevel t, float h) {
    float alpha = t.signal();
    float phi = 1 - Floats.exp(-2 * h);
    return new DpmWeights(
        t.sigma() / s.sigma() * Floats.exp(-h),
        alpha * phi,
        0.5f * (alpha * phi),
        alpha * (phi / (-2 * h) + 1),
        alpha * ((phi - 2 * h) / (4 * h * h) - 0.5f),
        t.sigma() * Floats.sqrt(phi));
  }
}
