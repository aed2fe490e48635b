package dev.sfumato.clip;

import dev.sfumato.SfumatoException;
import dev.sfumato.clip.ClipConfig.ImagePool;
import dev.sfumato.clip.ClipConfig.TextPool;
import dev.sfumato.nn.Activation;
import dev.sfumato.tensor.Tensor;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * Derives the configuration of OpenAI's models, which their files lack, from the shapes of their
 * weights.
 */
final class OpenAiShapes {
  private static final int HEAD_WIDTH = 64;

  private final Map<String, Tensor> weights;
  private final String source;

  private OpenAiShapes(Map<String, Tensor> weights, String source) {
    this.weights = weights;
    this.source = source;
  }

  /**
   * Returns the configuration of the model that {@code weights} belong to.
   *
   * @throws SfumatoException naming {@code source} and a weight that every CLIP model has and this
   *     one lacks
   */
  static ClipConfig config(Map<String, Tensor> weights, String source) {
    OpenAiShapes shapes = new OpenAiShapes(weights, source);
    int width = shapes.size("ln_final.weight", 0);
    ClipConfig.Text text =
        new ClipConfig.Text(
            shapes.size("positional_embedding", 0),
            shapes.size("token_embedding.weight", 0),
            transformer(width, shapes.count("transformer\\.resblocks\\.(\\d+)\\..*")),
            true,
            TextPool.LARGEST);
    ClipConfig.Image image =
        weights.containsKey("visual.proj") ? shapes.transformer() : shapes.resNet();
    return new ClipConfig(shapes.size("text_projection", 1), image, text);
  }

  private ClipConfig.Vit transformer() {
    int patch = size("visual.conv1.weight", 3);
    int side = (int) Math.round(Math.sqrt(size("visual.positional_embedding", 0) - 1));
    int layers = count("visual\\.transformer\\.resblocks\\.(\\d+)\\..*");
    return new ClipConfig.Vit(
        patch * side,
        patch,
        transformer(size("visual.conv1.weight", 0), layers),
        ImagePool.CLASS_TOKEN,
        true,
        false);
  }

  private ClipConfig.ResNet resNet() {
    int width = size("visual.layer1.0.conv1.weight", 0);
    int side = (int) Math.round(Math.sqrt(size("visual.attnpool.positional_embedding", 0) - 1));
    List<Integer> layers =
        IntStream.rangeClosed(1, 4)
            .mapToObj(stage -> count("visual\\.layer" + stage + "\\.(\\d+)\\..*"))
            .toList();
    return new ClipConfig.ResNet(32 * side, layers, width, width * 32 / HEAD_WIDTH);
  }

  private static ClipConfig.Transformer transformer(int width, int layers) {
    return new ClipConfig.Transformer(
        width, layers, width / HEAD_WIDTH, 4 * width, Activation.QUICK_GELU, 1e-5);
  }

  private int size(String name, int dimension) {
    Tensor weight = weights.get(name);
    if (weight == null || weight.dim() <= dimension) {
      throw new SfumatoException(
          source + ": is not a CLIP model: it has no weight '" + name + "' of a fitting shape");
    }
    return (int) weight.size(dimension);
  }

  /** Counts the different numbers in the group of {@code names}. */
  private int count(String names) {
    Pattern pattern = Pattern.compile(names);
    return (int)
        weights.keySet().stream()
            .map(pattern::matcher)
            .filter(matcher -> matcher.matches())
            .map(matcher -> matcher.group(1))
            .distinct()
            .count();
  }
}
