package dev.sfumato.clip;

import dev.sfumato.SfumatoException;
import dev.sfumato.picture.PictureReader;
import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Path;
import java.util.List;

/**
 * How well texts describe pictures.
 *
 * @param images the pictures' files
 * @param texts the texts
 * @param similarity for each picture and text the cosine of their vectors, -1 to 1
 * @param probability for each picture the softmax over the texts, as the model was trained
 */
public record ClipScores(
    List<String> images, List<String> texts, float[][] similarity, float[][] probability) {

  /**
   * Scores pictures, one after the other, against all texts.
   *
   * @throws SfumatoException if a file is not a picture, or a score is not a number
   */
  public static ClipScores of(ClipModel clip, List<Path> images, List<String> texts) {
    float[][] similarity = new float[images.size()][];
    float[][] probability = new float[images.size()][];
    try (Scope all = Scope.open();
        Autograd.Recording off = Autograd.off()) {
      Tensor described = clip.encodeText(texts).transpose(0, 1);
      for (int i = 0; i < similarity.length; i++) {
        try (Scope scope = Scope.open()) {
          Tensor image = clip.preprocess(List.of(PictureReader.read(images.get(i))));
          Tensor cosines = Functional.matmul(clip.encodeImage(image), described);
          Tensor probabilities = Functional.softmax(cosines.mul(clip.logitScale()), 1);
          if (!cosines.isFinite() || !probabilities.isFinite()) {
            throw new SfumatoException(
                images.get(i)
                    + ": the CLIP model's scores are not numbers: its weights or settings are"
                    + " damaged");
          }
          similarity[i] = cosines.toFloats();
          probability[i] = probabilities.toFloats();
        }
      }
    }
    return new ClipScores(
        images.stream().map(Path::toString).toList(), texts, similarity, probability);
  }
}
