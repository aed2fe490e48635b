package dev.sfumato.scheduler;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Constant;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * The shares of picture and noise in x_t at each of the T timesteps (DDPM, eq. 4):
 *
 * <pre>x_t = sqrt(alphaCumprod_t) x_0 + sqrt(1 - alphaCumprod_t) eps
 * alphaCumprod_t = product of (1 - beta_s) over s &lt;= t</pre>
 *
 * Immutable and thread-safe; owns no tensors.
 */
public final class NoiseSchedule {
  private final float[] betas;
  private final float[] alphasCumprod;
  private final float[] signal;
  private final float[] sigma;

  private NoiseSchedule(float[] betas) {
    this.betas = betas;
    this.alphasCumprod = Floats.cumprod(oneMinus(betas));
    for (int t = 0; t < alphasCumprod.length - 1; t++) { // the last may be pure noise
      if (!(alphasCumprod[t] > 0)) {
        throw new SfumatoException(
            String.format(
                Locale.ROOT,
                "the betas leave nothing of a picture at timestep %d of %d: they are too large",
                t,
                alphasCumprod.length));
      }
    }
    signal = new float[length()];
    sigma = new float[length()];
    for (int t = 0; t < length(); t++) {
      NoiseLevel level = NoiseLevel.ofAlphaCumprod(alphasCumprod[t]);
      signal[t] = level.signal();
      sigma[t] = level.sigma();
    }
  }

  /** Makes the schedule that {@code config} describes. */
  public static NoiseSchedule of(SchedulerConfig config) {
    int length = config.numTrainTimesteps();
    float[] betas =
        config.trainedBetas().isEmpty()
            ? config.betaSchedule().betas(length, config.betaStart(), config.betaEnd())
            : floats(config.trainedBetas());
    return new NoiseSchedule(config.rescaleBetasZeroSnr() ? rescaleZeroTerminalSnr(betas) : betas);
  }

  /** Returns T, the number of timesteps. */
  public int length() {
    return alphasCumprod.length;
  }

  /** Returns beta_t for t from 0 to T - 1. */
  public float[] betas() {
    return betas.clone();
  }

  /** Returns alphaCumprod_t for t from 0 to T - 1, falling. */
  public float[] alphasCumprod() {
    return alphasCumprod.clone();
  }

  /**
   * Returns the share of the clean picture's variance that is left at {@code timestep}.
   *
   * @throws SfumatoException if {@code timestep} is not in 0 to T - 1
   */
  public float alphaCumprod(int timestep) {
    if (timestep < 0 || timestep >= length()) {
      throw new SfumatoException(
          "timestep " + timestep + " does not lie between 0 and " + (length() - 1));
    }
    return alphasCumprod[timestep];
  }

  /**
   * Returns x_t: {@code sqrt(alphaCumprod_t) x0 + sqrt(1 - alphaCumprod_t) noise}.
   *
   * @param x0 clean pictures (B, C, H, W)
   * @param noise standard normal, of the same shape
   * @param timesteps (B) int64, on any device; only on the CPU their range is checked
   * @return (B, C, H, W), of the type and on the device of {@code x0}
   * @throws SfumatoException if a timestep is out of range or the shapes do not fit
   */
  public Tensor addNoise(Tensor x0, Tensor noise, Tensor timesteps) {
    try (Scope scope = Scope.open()) {
      Mixture mixture = mixture(x0, noise, timesteps);
      return scope.keep(mixture.signal.mul(x0).add(mixture.sigma.mul(noise)));
    }
  }

  /**
   * Returns the target of v-prediction: {@code sqrt(alphaCumprod_t) noise - sqrt(1 -
   * alphaCumprod_t) x0}. Arguments and result as for {@link #addNoise}.
   */
  public Tensor velocity(Tensor x0, Tensor noise, Tensor timesteps) {
    try (Scope scope = Scope.open()) {
      Mixture mixture = mixture(x0, noise, timesteps);
      return scope.keep(mixture.signal.mul(noise).sub(mixture.sigma.mul(x0)));
    }
  }

  /** The two weights of each picture of a batch, (B, 1, 1, 1). */
  private record Mixture(Tensor signal, Tensor sigma) {}

  private Mixture mixture(Tensor x0, Tensor noise, Tensor timesteps) {
    if (x0.size(0) != timesteps.numel() || !Arrays.equals(x0.shape(), noise.shape())) {
      throw new SfumatoException(
          timesteps.numel()
              + " timesteps and noise "
              + Arrays.toString(noise.shape())
              + " do not fit pictures "
              + Arrays.toString(x0.shape()));
    }
    if (timesteps.device().isCpu()) { // reading them from a card would wait for it
      Arrays.stream(timesteps.toLongs()).forEach(t -> alphaCumprod(Math.toIntExact(t)));
    }
    Tensor there = timesteps.to(x0.device());
    return new Mixture(perPicture(signal, there, x0), perPicture(sigma, there, x0));
  }

  private static Tensor perPicture(float[] weights, Tensor timesteps, Tensor x0) {
    long[] shape = new long[x0.dim()];
    Arrays.fill(shape, 1);
    shape[0] = x0.size(0);
    Tensor table = Constant.on(x0.device(), weights, weights.length);
    return table.indexSelect(0, timesteps.reshape(-1)).reshape(shape).to(x0.dtype());
  }

  /**
   * Shifts and stretches sqrt(alphaCumprod) so that it ends at 0, pure noise, and keeps its start
   * (Lin et al. 2023, algorithm 1).
   */
  private static float[] rescaleZeroTerminalSnr(float[] betas) {
    float[] products = Floats.cumprod(oneMinus(betas));
    float first = Floats.sqrt(products[0]);
    float last = Floats.sqrt(products[products.length - 1]);
    float stretch = first / (first - last);
    float[] rescaled = new float[products.length];
    float before = 1;
    for (int t = 0; t < products.length; t++) {
      float root = (Floats.sqrt(products[t]) - last) * stretch;
      float product = root * root;
      rescaled[t] = 1 - product / before;
      before = product;
    }
    return rescaled;
  }

  private static float[] oneMinus(float[] betas) {
    float[] alphas = new float[betas.length];
    for (int t = 0; t < betas.length; t++) {
      alphas[t] = 1 - betas[t];
    }
    return alphas;
  }

  private static float[] floats(List<Double> values) {
    float[] floats = new float[values.size()];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = values.get(i).floatValue();
    }
    return floats;
  }
}
