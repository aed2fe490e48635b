package dev.sfumato.scheduler;

/**
 * A step of ancestral sampling from sigma to sigma': down by the model, up by fresh noise of the
 * standard deviation of DDPM's posterior.
 *
 * <pre>
 * (1) sigma_up^2 = sigma'^2 (sigma^2 - sigma'^2) / sigma^2
 * (2) sigma_down^2 = sigma'^2 - sigma_up^2
 * </pre>
 *
 * @param down sigma_down
 * @param up sigma_up
 */
record Ancestral(float down, float up) {
  static Ancestral of(float sigma, float next) {
    float variance = sigma * sigma;
    float nextVariance = next * next;
    float up = Floats.sqrt(nextVariance * (variance - nextVariance) / variance);
    return new Ancestral(Floats.sqrt(nextVariance - up * up), up);
  }
}
