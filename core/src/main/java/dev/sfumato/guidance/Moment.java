package dev.sfumato.guidance;

import dev.sfumato.scheduler.Run;
import dev.sfumato.scheduler.Step;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Tensor;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Supplier;

/** The state of a sampling at the time when its guides compute their losses. */
public final class Moment {
  private final Run run;
  private final Step step;
  private final Tensor x;
  private final Rng random;
  private final Map<Object, Object> computed = new HashMap<>();

  Moment(Run run, Step step, Tensor x, Rng random) {
    this.run = run;
    this.step = step;
    this.x = x;
    this.random = random;
  }

  /** Returns the step about to be taken. */
  public Step step() {
    return step;
  }

  /** Returns the share of the picture's variance in {@link #x}, between 0 (noise) and 1 (clean). */
  public double alphaCumprod() {
    return run.alphaCumprod(step);
  }

  /**
   * Returns the noisy pictures (B, C, H, W), scaled as the network sees them; gradients flow
   * through.
   */
  public Tensor x() {
    return run.scaleModelInput(x, step);
  }

  /** Returns the sampling's generator; guides draw before the scheduler's noise. */
  public Rng random() {
    return random;
  }

  /**
   * Returns the result of {@code computation}, computed once for all guides of this moment that use
   * an equal key: several prompts share one batch of cuts.
   */
  @SuppressWarnings("unchecked") // a key's value was computed for that key
  public <T> T once(Object key, Supplier<T> computation) {
    T known = (T) computed.get(key);
    if (known == null) {
      known = computation.get();
      computed.put(key, known);
    }
    return known;
  }

  /** Returns the same moment for another predictedX0, without computed results. */
  Moment anew() {
    return new Moment(run, step, x, random);
  }
}
