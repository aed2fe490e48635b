package dev.sfumato.scheduler;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.function.DoubleUnaryOperator;

/** The growth of beta_t, the variance of the noise that step t adds, from the first timestep on. */
public enum BetaSchedule {
  /** Evenly from beta_start to beta_end (DDPM, section 4). */
  LINEAR {
    @Override
    float[] betas(int length, double start, double end) {
      try (Scope scope = Scope.open()) {
        return Tensor.linspace(start, end, length).toFloats();
      }
    }
  },
  /** Evenly in the root of beta (latent diffusion). */
  SCALED_LINEAR {
    @Override
    float[] betas(int length, double start, double end) {
      try (Scope scope = Scope.open()) {
        return Tensor.linspace(Math.sqrt(start), Math.sqrt(end), length).square().toFloats();
      }
    }
  },
  /**
   * Ignores the ends: alphaCumprod(u) = cos(pi/2 (u + 0.008) / 1.008)^2 (improved DDPM, eq. 17).
   */
  SQUAREDCOS_CAP_V2 {
    @Override
    float[] betas(int length, double start, double end) {
      return fromAlphaCumprod(
          length, u -> Math.pow(Math.cos((u + 0.008) / 1.008 * Math.PI / 2), 2));
    }
  },
  /** An S-curve from beta_start to beta_end (GeoDiff). */
  SIGMOID {
    @Override
    float[] betas(int length, double start, double end) {
      try (Scope scope = Scope.open()) {
        return Functional.sigmoid(Tensor.linspace(-6, 6, length))
            .mul(end - start)
            .add(start)
            .toFloats();
      }
    }
  },
  /** Ignores the ends: alphaCumprod(u) = e^(-12 u). */
  EXP {
    @Override
    float[] betas(int length, double start, double end) {
      return fromAlphaCumprod(length, u -> Math.exp(-12 * u));
    }
  },
  /**
   * Ignores the ends: noise levels crowd around a signal-to-noise ratio of 1 (Hang et al. 2024,
   * 2407.03297).
   */
  LAPLACE {
    @Override
    float[] betas(int length, double start, double end) {
      return fromAlphaCumprod(length, BetaSchedule::laplace);
    }
  };

  private static final double LARGEST = 0.999;

  /**
   * Reads {@code linear}, {@code scaled_linear} and so on.
   *
   * @throws SfumatoException for another text
   */
  @JsonCreator
  public static BetaSchedule parse(String text) {
    return Spelling.parse(BetaSchedule.class, "beta_schedule", text);
  }

  /** The spelling in JSON and on the command line. */
  @JsonValue
  @Override
  public String toString() {
    return Spelling.of(this);
  }

  /** beta_t for t from 0 to {@code length - 1}; some schedules ignore the ends. */
  abstract float[] betas(int length, double start, double end);

  /** beta_t = 1 - alphaCumprod((t + 1) / T) / alphaCumprod(t / T), at most 0.999. */
  private static float[] fromAlphaCumprod(int length, DoubleUnaryOperator alphaCumprod) {
    float[] betas = new float[length];
    for (int t = 0; t < length; t++) {
      double before = alphaCumprod.applyAsDouble((double) t / length);
      double after = alphaCumprod.applyAsDouble((double) (t + 1) / length);
      betas[t] = (float) Math.min(1 - after / before, LARGEST);
    }
    return betas;
  }

  private static double laplace(double u) {
    double side = Math.copySign(1, 0.5 - u);
    double logSnr = -0.5 * side * Math.log(1 - 2 * Math.abs(0.5 - u) + 1e-6);
    double snr = Math.exp(logSnr);
    return Math.sqrt(snr / (1 + snr));
  }
}
