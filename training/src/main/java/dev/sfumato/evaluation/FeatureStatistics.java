package dev.sfumato.evaluation;

import dev.sfumato.SfumatoException;
import dev.sfumato.clip.ClipModel;
import dev.sfumato.picture.Pixels;
import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.SymmetricEigen;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.stream.Stream;

/**
 * The normal distribution of a set of pictures in the space of a CLIP model's image vectors.
 *
 * @param count of the pictures
 * @param mean (D), float64
 * @param covariance (D, D), float64
 */
public record FeatureStatistics(int count, Tensor mean, Tensor covariance) {
  private static final int BATCH = 64;

  /**
   * Returns the statistics of {@code features} (N, D).
   *
   * @throws SfumatoException if there are fewer than 2, or some are not finite
   */
  public static FeatureStatistics of(Tensor features) {
    int count = (int) features.size(0);
    if (count < 2) {
      throw new SfumatoException("a distance between sets needs at least 2 pictures in each");
    }
    if (!features.isFinite()) {
      throw new SfumatoException(
          "the pictures' features hold NaN or infinity: the model that makes them is damaged");
    }
    try (Scope scope = Scope.open()) {
      Tensor x = features.to(DType.FLOAT64);
      Tensor mean = x.mean(false, 0);
      Tensor centered = x.sub(mean);
      Tensor covariance = Functional.matmul(centered.transpose(0, 1), centered).div(count - 1);
      return new FeatureStatistics(count, scope.keep(mean), scope.keep(covariance));
    }
  }

  /** Returns the statistics of pictures of any sizes, prepared for {@code clip}. */
  public static FeatureStatistics of(ClipModel clip, Stream<Pixels> pictures) {
    try (Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off()) {
      List<Tensor> features = new ArrayList<>();
      List<Pixels> batch = new ArrayList<>();
      for (Iterator<Pixels> each = pictures.iterator(); each.hasNext(); ) {
        batch.add(each.next());
        if (batch.size() == BATCH || !each.hasNext()) {
          features.add(Scope.run(() -> clip.encodeImage(clip.preprocess(batch))));
          batch.clear();
        }
      }
      if (features.isEmpty()) {
        throw new SfumatoException("there are no pictures to measure");
      }
      FeatureStatistics statistics = of(Tensor.cat(features, 0));
      scope.keep(statistics.mean);
      scope.keep(statistics.covariance);
      return statistics;
    }
  }

  /**
   * Returns the Fréchet distance (Heusel et al., 2017, but with other features):
   *
   * <pre>|mu - mu'|^2 + tr(S + S' - 2 (S S')^(1/2))</pre>
   *
   * @return 0 for equal distributions; small sets are farther apart than large ones of the same
   *     kind
   */
  public double distanceTo(FeatureStatistics other) {
    try (Scope scope = Scope.open()) {
      SymmetricEigen own = SymmetricEigen.of(covariance);
      Tensor scaled = own.vectors().mul(roots(own.values()));
      Tensor root = Functional.matmul(scaled, own.vectors().transpose(0, 1));
      Tensor product = Functional.matmul(Functional.matmul(root, other.covariance), root);
      double common = roots(SymmetricEigen.of(product).values()).sum().item();
      double means = mean.sub(other.mean).square().sum().item();
      Tensor others = SymmetricEigen.of(other.covariance).values();
      return means + own.values().sum().item() + others.sum().item() - 2 * common;
    }
  }

  /** Returns square roots, with 0 for eigenvalues that rounding made negative. */
  private static Tensor roots(Tensor values) {
    return values.clamp(0, Double.MAX_VALUE).sqrt();
  }
}
