package dev.sfumato.guidance;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Constant;
import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Tensor;
import java.util.Arrays;
import java.util.Locale;
import java.util.function.UnaryOperator;

/**
 * Steers towards a classifier's class (Dhariwal and Nichol 2021, arXiv 2105.05233, but with the
 * clean picture instead of the noisy one, so any classifier works): the mean of -log p(label |
 * predictedX0).
 *
 * @param classifier maps pictures (B, C, H, W) in [-1, 1] to logits (B, classes), with gradients
 * @param labels the class of each picture, repeated to fill the batch
 */
public record ClassGuide(UnaryOperator<Tensor> classifier, long... labels) implements Guide {
  /**
   * @throws SfumatoException if there is no label
   */
  public ClassGuide {
    if (labels.length == 0) {
      throw new SfumatoException("class guidance needs a label");
    }
  }

  @Override
  public Tensor loss(Tensor predictedX0, Moment at) {
    Tensor logits = classifier.apply(predictedX0);
    long[] asked = new long[(int) predictedX0.size(0)];
    Arrays.setAll(asked, i -> labels[i % labels.length]);
    for (long label : asked) {
      if (label < 0 || label >= logits.size(1)) {
        throw new SfumatoException(
            String.format(
                Locale.ROOT,
                "class %d is out of range: the classifier knows 0 to %d",
                label,
                logits.size(1) - 1));
      }
    }
    Tensor targets = Constant.on(predictedX0.device(), asked, asked.length);
    return Functional.crossEntropy(logits, targets);
  }
}
