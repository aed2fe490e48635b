package dev.sfumato.scheduler;

import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.math.BigDecimal;
import java.math.RoundingMode;

/**
 * A path of Brownian motion that depends on its seed alone, not on the order of the requested
 * increments (Li et al. 2020, 2001.01328, section 4). Intervals are halved until their ends match
 * the request, and each half's increment follows from its parent's and its own seed. The increments
 * are those of torchsde's {@code BrownianTree} with tol 1e-6 and pool size 24.
 */
final class BrownianTree {
  private static final int POOL = 24;
  private static final int DIGITS = 6;

  private final long entropy;
  private final long[] shape;
  private final Node root;

  /** Standard deviation of the whole increment. */
  private final double scale;

  /**
   * @param start the start of time
   * @param end the end of time
   * @param entropy the seed, not negative
   * @param shape the shape of an increment
   */
  BrownianTree(double start, double end, long entropy, long... shape) {
    this.entropy = entropy;
    this.shape = shape.clone();
    this.root = new Node(rounded(start), rounded(end), 0, 0);
    this.scale = Math.sqrt(end - start);
  }

  /**
   * Returns W(to) - W(from), normal with variance {@code to - from}, in the current scope. Times
   * are rounded to six digits and clamped to the tree's.
   */
  Tensor increment(double from, double to) {
    double a = rounded(Math.max(Math.min(from, root.end), root.start));
    double b = rounded(Math.max(Math.min(to, root.end), root.start));
    long seed = new SeedSequence(entropy, POOL).state(1)[0];
    return Scope.run(() -> a < b ? root.sum(normal(seed).mul(scale), a, b) : Tensor.zeros(shape));
  }

  private Tensor normal(long seed) {
    try (Rng rng = new Rng(seed)) {
      return rng.normal(shape);
    }
  }

  private static double rounded(double time) {
    return new BigDecimal(time).setScale(DIGITS, RoundingMode.HALF_EVEN).doubleValue();
  }

  /** An interval at {@code place} among the 2^depth of its depth, from left to right. */
  private final class Node {
    private final double start;
    private final double end;
    private final long place;
    private final int depth;

    Node(double start, double end, long place, int depth) {
      this.start = start;
      this.end = end;
      this.place = place;
      this.depth = depth;
    }

    /**
     * Returns the increment from a to b, both inside this interval, whose own increment is {@code
     * w}.
     */
    Tensor sum(Tensor w, double a, double b) {
      if (a == start && b == end) {
        return w;
      }
      double half = 0.5 * (end + start);
      double middle = rounded(half);
      Tensor left = left(w, middle);
      if (b <= middle) {
        return new Node(start, middle, 2 * place, depth + 1).sum(left, a, b);
      }
      Tensor right = w.sub(left);
      Node upper = new Node(middle, end, 2 * place + 1, depth + 1);
      if (a >= middle) {
        return upper.sum(right, a, b);
      }
      Node lower = new Node(start, middle, 2 * place, depth + 1);
      return lower.sum(left, a, middle).add(upper.sum(right, middle, b));
    }

    /** Draws from the bridge: normal around w's share, with variance l r / (l + r). */
    private Tensor left(Tensor w, double middle) {
      long seed = new SeedSequence(entropy, POOL, place, depth).state(1)[0];
      double l = middle - start;
      double r = end - middle;
      double share = 1 / (end - start);
      return w.mul(l).mul(share).add(normal(seed).mul(Math.sqrt(l * r * share)));
    }
  }
}
