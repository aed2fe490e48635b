package dev.sfumato.training;

import static dev.sfumato.InvalidOptionException.require;

import dev.sfumato.SfumatoException;
import dev.sfumato.data.Batch;
import dev.sfumato.data.Crop;
import dev.sfumato.data.Dataset;
import dev.sfumato.data.Frame;
import dev.sfumato.picture.Size;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;

/**
 * Pictures of the class to which a model's new subject belongs, so that it keeps what it knows of
 * the class (prior preservation; DreamBooth, Ruiz et al., 2023): the loss is that of the subject's
 * pictures plus {@code weight} times that of as many class pictures.
 *
 * <p>Picture i of the subject goes with class picture i, again from the first after the last.
 *
 * @param pictures with a caption each, as large as the subject's
 * @param weight of their loss, at least 0
 */
public record ClassPictures(Dataset pictures, double weight) {
  /**
   * @throws SfumatoException if the weight is negative, or the pictures have no captions
   */
  public ClassPictures {
    require(weight >= 0, "`priorWeight` must not be negative, but is " + weight);
    if (pictures.captions().isEmpty()) {
      throw new SfumatoException("the class pictures have no text: give a `classPrompt`");
    }
  }

  /**
   * Returns the loss of a batch.
   *
   * @param perPicture returns the losses (2B) of a batch of subjects and class pictures
   */
  Tensor loss(Batch batch, Function<Batch, Tensor> perPicture) {
    Tensor all = perPicture.apply(pair(batch));
    long count = batch.size();
    return count == 0
        ? all
        : all.narrow(0, 0, count).mean().add(all.narrow(0, count, count).mean().mul(weight));
  }

  /** Returns the batch with as many class pictures of the same size behind it. */
  private Batch pair(Batch batch) {
    int[] chosen = IntStream.of(batch.indices()).map(i -> i % pictures.size()).toArray();
    Size size = new Size((int) batch.images().size(2), (int) batch.images().size(3));
    List<Tensor> images = new ArrayList<>(List.of(batch.images()));
    List<String> captions = new ArrayList<>(batch.captions());
    List<Crop> crops = new ArrayList<>(batch.crops());
    try (Scope scope = Scope.open()) {
      for (int index : chosen) {
        float[] picture = pictures.picture(index, size);
        images.add(Tensor.of(picture, 1, pictures.channels(), size.height(), size.width()));
        captions.add(pictures.captions().get(index));
        crops.add(Frame.covering(pictures.frame(index).original(), size, false).middle());
      }
      int[] both = Arrays.copyOf(batch.indices(), 2 * chosen.length);
      return new Batch(
          scope.keep(Tensor.cat(images, 0)),
          new long[0],
          captions,
          both,
          crops,
          batch.masks().map(masks -> scope.keep(withOnes(masks))));
    }
  }

  /** Returns the weights of subjects (B, ...) with as many of 1 behind them, for class pictures. */
  static Tensor withOnes(Tensor weights) {
    return Tensor.cat(List.of(weights, weights.mul(0).add(1)), 0);
  }
}
