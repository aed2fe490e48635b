package dev.sfumato.training;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.sfumato.SfumatoException;
import dev.sfumato.nn.Module;
import dev.sfumato.tensor.OptimizerKernels;
import dev.sfumato.tensor.Precision;
import dev.sfumato.tensor.Tensor;
import java.util.Collection;
import java.util.List;

/**
 * The factor of the loss in half precision, where gradients below 6e-8 would become 0 (Micikevicius
 * et al., 2018, section 3.2).
 *
 * <p>It starts at 65,536. If gradients overflow, the step is computed again with half of it. After
 * 2,000 steps without an overflow it doubles. Those are the numbers of PyTorch's {@code
 * GradScaler}, which leaves such a step out instead. A power of two changes no digits.
 */
final class LossScale {
  private static final double START = 65536;
  private static final int GROWTH_INTERVAL = 2000;

  private final boolean used;
  private State state;

  /**
   * The state that a checkpoint keeps.
   *
   * @param steps without an overflow since the factor changed
   */
  record State(
      @JsonProperty(required = true) double factor, @JsonProperty(required = true) int steps) {
    State {
      if (!(factor >= 1) || Double.isInfinite(factor) || steps < 0) {
        throw new SfumatoException("has no factor of the loss that a run in fp16 could have");
      }
    }
  }

  LossScale(Module network) {
    used = network.computesIn(Precision.FP16);
    state = new State(used ? START : 1, 0);
  }

  /** Returns whether an overflow of gradients is expected and mended. */
  boolean isUsed() {
    return used;
  }

  double factor() {
    return state.factor;
  }

  /** Takes the factor out of {@code gradients}. */
  void remove_(Collection<Tensor> gradients) {
    if (used) {
      OptimizerKernels.multiply_(List.copyOf(gradients), 1 / state.factor);
    }
  }

  /** Halves the factor, unless it is 1; returns whether it did. */
  boolean halve() {
    if (state.factor == 1) {
      return false;
    }
    state = new State(state.factor / 2, 0);
    return true;
  }

  /** Counts a step that was taken. */
  void count() {
    if (used) {
      boolean grows = state.steps + 1 == GROWTH_INTERVAL;
      state = grows ? new State(state.factor * 2, 0) : new State(state.factor, state.steps + 1);
    }
  }

  /** Returns the state for a checkpoint, or null without scaling. */
  State state() {
    return used ? state : null;
  }

  /** Restores a state; does nothing if it is null, or without scaling. */
  void restore(State saved) {
    if (used && saved != null) {
      state = saved;
    }
  }
}
