package dev.sfumato.guidance;

import dev.sfumato.scheduler.Run;
import dev.sfumato.scheduler.Step;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Tensor;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Supplier;

/** Where a sampling stands while its guides are asked for their losses. */
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

  /** The step that is about to be taken. */
  public Step step() {
    return step;
  }

  /** The share of the picture's variance in {@link #x}, between 0 (noise) and 1 (clean). */
  public double alphaCumprod() {
    return run.alphaCumprod(step);
  }

  /** The noisy pictures (B, C, H, W), scaled as the network sees them; gradients flow through. */
  public Tensor x() {
    return run.scaleModelInput(x, step);
  }

  /** The sampling's generator: what a guide draws comes before the scheduler's noise. */
  public Rng random() {
    return random;
  }

  /**
   * What {@code computation} gives, computed once for all guides of this moment that ask with an
   * equal key: several prompts share one batch of cuts.
   */
  @SuppressWarnings("unchecked") // what is found under a key was computed for it
  public <T> T once(Object key, Supplier<T> computation) {
    T known = (T) computed.get(key);
    if (known == null) {
      known = computation.get();
      computed.put(key, known);
    }
    return known;
  }

  /** The same moment for another predictedX0: nothing is computed yet. */
  Moment anew() {
    return new Moment(run, step, x, random);
  }
}
