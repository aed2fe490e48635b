package dev.sfumato.clip;

import dev.sfumato.SfumatoException;
import dev.sfumato.io.JsonObject;
import dev.sfumato.io.JsonValue;
import dev.sfumato.nn.Activation;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/**
 * The shape of a {@link ClipNetwork}, whichever kind of file it comes from.
 *
 * @param embedDim length of the features of pictures and texts
 * @param image the image encoder
 * @param text the text encoder
 */
public record ClipConfig(int embedDim, Image image, Text text) {
  private static final int MOST = 1 << 16;
  private static final int MOST_PIXELS = 8192;
  private static final int MOST_LAYERS = 1000;

  /** Checks the length. */
  public ClipConfig {
    requireSize("embed_dim", embedDim, MOST);
  }

  /** The side of a square under {@code key}: one number, or a list of two that are equal. */
  static int side(JsonObject settings, String key, int fallback) {
    if (!settings.has(key)) {
      return fallback;
    }
    JsonValue given = settings.get(key);
    List<Integer> sides = given.integerOrList();
    if (sides.isEmpty() || sides.stream().distinct().count() > 1) {
      throw given.wrong("one number, or two that are equal");
    }
    return sides.get(0);
  }

  /** An image encoder: a {@link Vit} or a {@link ResNet}. */
  public sealed interface Image {
    /** Height and width of the pictures in pixels. */
    int imageSize();

    /** How many layers {@link ClipNetwork#imageLayers} can show. */
    int layerCount();
  }

  /**
   * A vision transformer.
   *
   * @param imageSize height and width of the pictures in pixels
   * @param patchSize height and width of a patch in pixels
   * @param transformer its blocks
   * @param pool what stands for the picture
   * @param normBefore whether tokens are normalised before the first block
   * @param normAfterPool whether a mean is taken before the last normalisation, not after it
   */
  public record Vit(
      int imageSize,
      int patchSize,
      Transformer transformer,
      ImagePool pool,
      boolean normBefore,
      boolean normAfterPool)
      implements Image {
    /** Checks the sizes. */
    public Vit {
      requireSize("patch_size", patchSize, MOST_PIXELS);
      requireSize("image_size", imageSize, MOST_PIXELS);
      if (imageSize < patchSize) {
        throw new SfumatoException(
            "image_size must be at least patch_size, " + patchSize + ", not " + imageSize);
      }
    }

    @Override
    public int layerCount() {
      return transformer.layers();
    }
  }

  /** What stands for a picture in a vision transformer. */
  public enum ImagePool {
    /** The class token. */
    CLASS_TOKEN,
    /** The mean of all other tokens. */
    MEAN
  }

  /**
   * A residual network with attention at its end.
   *
   * @param imageSize height and width of the pictures in pixels
   * @param layers blocks of each of the four stages
   * @param width channels after the stem
   * @param heads heads of the attention
   */
  public record ResNet(int imageSize, List<Integer> layers, int width, int heads) implements Image {
    /** Checks the numbers. */
    public ResNet {
      layers = List.copyOf(layers);
      if (layers.size() != 4
          || layers.stream().anyMatch(blocks -> blocks < 1 || blocks > MOST_LAYERS)) {
        throw new SfumatoException("layers must be four numbers of blocks, not " + layers);
      }
      if (imageSize < 32) {
        throw new SfumatoException("image_size must be at least 32, not " + imageSize);
      }
      requireSize("image_size", imageSize, MOST_PIXELS);
      requireSize("width", width, MOST);
      requireDivides(heads, 32 * width);
    }

    @Override
    public int layerCount() {
      return layers.size() + 1;
    }
  }

  /**
   * A text encoder.
   *
   * @param contextLength tokens of a text, begin, end and padding included
   * @param vocabSize how many different tokens there are
   * @param transformer its blocks
   * @param causal whether a token sees only itself and those before it
   * @param pool what stands for the text
   */
  public record Text(
      int contextLength, int vocabSize, Transformer transformer, boolean causal, TextPool pool) {
    /** Checks the sizes. */
    public Text {
      requireSize("vocab_size", vocabSize, 10_000_000);
      requireSize("context_length", contextLength, MOST);
      if (contextLength < 2) {
        throw new SfumatoException("context_length must be at least 2, not " + contextLength);
      }
    }
  }

  /**
   * Which token stands for a text.
   *
   * @param rule how it is found
   * @param endToken the token that {@link Rule#END} looks for
   */
  public record TextPool(Rule rule, long endToken) {
    /** The first of the largest tokens: the end, which OpenAI's vocabulary has last. */
    public static final TextPool LARGEST = new TextPool(Rule.LARGEST, -1);

    /** How the token is found. */
    public enum Rule {
      LARGEST,
      END,
      FIRST,
      LAST
    }

    /**
     * Its place in each text of {@code ids}, texts of {@code length} tokens one after the other.
     */
    long[] positions(long[] ids, int length) {
      return IntStream.range(0, ids.length / length)
          .mapToLong(text -> position(ids, text * length, length))
          .toArray();
    }

    private int position(long[] ids, int from, int length) {
      return switch (rule) {
        case FIRST -> 0;
        case LAST -> length - 1;
        case END -> // the first position, as Python's argmax, if there is no such token
            IntStream.range(0, length).filter(i -> ids[from + i] == endToken).findFirst().orElse(0);
        case LARGEST ->
            IntStream.range(0, length)
                .reduce(0, (best, i) -> ids[from + i] > ids[from + best] ? i : best);
      };
    }
  }

  /**
   * The blocks of a transformer.
   *
   * @param width length of the vectors
   * @param layers how many blocks
   * @param heads heads of each attention
   * @param mlpWidth length of the vectors between the two layers of each block
   * @param activation what stands between these layers
   * @param normEpsilon what normalisations add to variances
   */
  public record Transformer(
      int width, int layers, int heads, int mlpWidth, Activation activation, double normEpsilon) {
    /** Checks the sizes. */
    public Transformer {
      requireSize("width", width, MOST);
      requireSize("layers", layers, MOST_LAYERS);
      requireSize("width of the MLP", mlpWidth, 16 * MOST);
      if (!((float) normEpsilon > 0 && normEpsilon <= 1)) {
        throw new SfumatoException("layer_norm_eps must be above 0, not " + normEpsilon);
      }
      requireDivides(heads, width);
    }
  }

  private static void requireSize(String name, int value, int most) {
    if (value < 1 || value > most) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT, "%s must be at least 1 and at most %d, not %d", name, most, value));
    }
  }

  private static void requireDivides(int heads, int width) {
    if (heads < 1 || width % heads != 0) {
      throw new SfumatoException(
          "a width of " + width + " cannot be split into " + heads + " attention heads");
    }
  }
}
