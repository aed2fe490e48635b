package dev.sfumato.training;

import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Construction;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/**
 * Adafactor (Shazeer and Stern, 2018) at a given learning rate, without a first moment. Of the
 * squared gradients of a matrix it keeps the means of rows and columns only:
 *
 * <pre>{@code
 * b = 1 - t^-0.8
 * r = b r + (1 - b) rowmean(g^2 + 1e-30)      c = b c + (1 - b) columnmean(g^2 + 1e-30)
 * u = g / sqrt(r c^T / mean(r))
 * w = w - lr (u / max(1, rms(u)) + decay w)
 * }</pre>
 *
 * <p>Rows and columns are the last two dimensions; a weight with one dimension keeps all squares.
 */
final class Adafactor implements Optimizer {
  private static final double SMALLEST = 1e-30;
  private static final double DECAY_RATE = -0.8;
  private static final long SHORT = 4;
  private static final String ROWS = "exp_avg_sq_row.";
  private static final String COLUMNS = "exp_avg_sq_col.";
  private static final String SQUARES = "exp_avg_sq.";
  private static final String STEP = "step";
  private static final String JOINED = ".in_proj_";

  private final double weightDecay;
  private final Map<String, Tensor> weights;
  private final Map<String, Tensor> state = new LinkedHashMap<>();

  Adafactor(Map<String, Tensor> weights, Settings settings) {
    this.weights = weights;
    weightDecay = settings.weightDecay();
    try (Construction parts = Construction.begin();
        Scope scope = Scope.open()) {
      weights.forEach((name, w) -> parts(name, w).forEach(this::add));
      state.put(STEP, Scope.release(Optimizer.zeroBeside(weights)));
      parts.complete();
    }
  }

  /**
   * Returns the matrices of a weight: those of queries, keys and values of a text encoder lie in
   * one.
   */
  private static Map<String, Tensor> parts(String name, Tensor whole) {
    if (!name.contains(JOINED)) {
      return Map.of(name, whole);
    }
    Map<String, Tensor> parts = new LinkedHashMap<>();
    long rows = whole.size(0) / 3;
    for (int i = 0; i < 3; i++) {
      parts.put(name + "." + i, whole.narrow(0, i * rows, rows));
    }
    return parts;
  }

  private void add(String name, Tensor part) {
    long[] shape = part.shape();
    if (shape.length < 2) {
      add(SQUARES + name, part, shape);
    } else {
      add(ROWS + name, part, Arrays.copyOf(shape, shape.length - 1));
      long[] columns = Arrays.copyOf(shape, shape.length - 1);
      columns[columns.length - 1] = shape[shape.length - 1];
      add(COLUMNS + name, part, columns);
    }
  }

  /** Adds a mean that the first step replaces. */
  private void add(String name, Tensor beside, long... shape) {
    state.put(name, Scope.release(Tensor.full(beside.device(), 1, shape)));
  }

  @Override
  public Map<String, Tensor> weights() {
    return weights;
  }

  @Override
  public Map<String, Tensor> state() {
    return state;
  }

  @Override
  public void step(Map<String, Tensor> gradients, ToDoubleFunction<String> rates, Tensor accepted) {
    try (Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off()) {
      Tensor taken = accepted.to(DType.FLOAT64);
      Tensor share = state.get(STEP).add(1).pow(DECAY_RATE).mul(taken);
      gradients.forEach(
          (name, gradient) -> {
            try (Scope one = Scope.open()) {
              Tensor weight = weights.get(name).detach();
              double rate = rates.applyAsDouble(name);
              if (weightDecay > 0) {
                weight.mul_(taken.mul(-rate * weightDecay).add(1));
              }
              Map<String, Tensor> changed = parts(name, weight);
              parts(name, Optimizer.finite(gradient, accepted))
                  .forEach(
                      (part, g) -> {
                        Tensor direction = direction(part, g, share);
                        Tensor size = direction.norm().div(Math.sqrt(direction.numel()));
                        Tensor most = size.clamp(1, Double.POSITIVE_INFINITY);
                        changed.get(part).add_(direction.mul_(taken.mul(-rate).div(most)), 1);
                      });
            }
          });
    }
    gradients.keySet().forEach(name -> Autograd.forget(weights.get(name)));
  }

  /** Returns u. */
  private Tensor direction(String name, Tensor gradient, Tensor share) {
    Tensor squares = gradient.square();
    if (gradient.dim() < 2) {
      return gradient.mul(average(SQUARES + name, squares, share).pow(-0.5));
    }
    Tensor rows = average(ROWS + name, mean(squares, -1), share);
    Tensor columns = average(COLUMNS + name, mean(squares, -2), share);
    Tensor scaled = gradient.mul(rows.div(rows.mean(true, -1)).pow(-0.5).unsqueeze(-1));
    return scaled.mul_(columns.pow(-0.5).unsqueeze(-2));
  }

  /** Returns means over one dimension; the engine is slow where it is as short as a kernel's. */
  private static Tensor mean(Tensor squares, int dim) {
    long length = squares.size(squares.dim() + dim);
    if (length > SHORT) {
      return squares.mean(false, dim);
    }
    Tensor sum = squares.select(dim, 0).copy();
    for (int i = 1; i < length; i++) {
      sum.add_(squares.select(dim, i), 1);
    }
    return sum.mul_(1.0 / length);
  }

  private Tensor average(String name, Tensor squares, Tensor share) {
    Tensor kept = share.neg().add(1);
    return state.get(name).mul_(kept).add_(squares.add(SMALLEST).mul(share), 1);
  }

  @Override
  public void finish(Tensor accepted) {
    state.get(STEP).add_(accepted, 1);
  }
}
