package dev.sfumato.model;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.sfumato.SfumatoException;
import java.util.Arrays;
import java.util.Locale;

/**
 * How a network is told which class to draw.
 *
 * @param type the way
 * @param numClasses the number of classes; labels are 0 to {@code numClasses - 1}
 * @param embeddingSize with {@link Type#CHANNELS}: the numbers per class, else absent (0)
 */
@JsonInclude(JsonInclude.Include.NON_DEFAULT)
public record ClassConditioning(Type type, int numClasses, int embeddingSize) {
  /** The label that stands for "no class in particular". */
  public static final long NO_CLASS = -1;

  /** A network that is told nothing. */
  public static final ClassConditioning NONE = new ClassConditioning(Type.NONE, 0, 0);

  /** The ways to tell a network the class. */
  public enum Type {
    /** Not at all. */
    NONE,
    /** A learned vector per class, repeated over the picture and concatenated as channels. */
    CHANNELS,
    /** One channel per class, 1 everywhere in the class's own and 0 in the others. */
    ONE_HOT,
    /** A learned vector per class, added to the time embedding. */
    EMBEDDING;

    /**
     * Reads {@code none}, {@code channels}, {@code one_hot} or {@code embedding}.
     *
     * @throws SfumatoException for another name
     */
    @JsonCreator
    public static Type parse(String name) {
      return Arrays.stream(values())
          .filter(type -> type.toString().equals(name))
          .findFirst()
          .orElseThrow(
              () ->
                  new SfumatoException(
                      "class conditioning '"
                          + name
                          + "' is unknown: use none, channels, one_hot or embedding"));
    }

    @Override
    @com.fasterxml.jackson.annotation.JsonValue
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * @throws SfumatoException if a size is missing
   */
  @JsonCreator
  public ClassConditioning(
      @JsonProperty("type") Type type,
      @JsonProperty("num_classes") int numClasses,
      @JsonProperty("embedding_size") int embeddingSize) {
    if (type == null) {
      throw new SfumatoException("type is missing: channels, one_hot or embedding");
    }
    if (type != Type.NONE && numClasses < 1) {
      throw new SfumatoException("num_classes must be at least 1, not " + numClasses);
    }
    if (type == Type.CHANNELS && embeddingSize < 1) {
      throw new SfumatoException("embedding_size must be at least 1, not " + embeddingSize);
    }
    this.type = type;
    this.numClasses = numClasses;
    this.embeddingSize = embeddingSize;
  }

  /** How many channels this adds to the picture's own at the network's input. */
  public int extraChannels() {
    return switch (type) {
      case NONE, EMBEDDING -> 0;
      case CHANNELS -> embeddingSize;
      case ONE_HOT -> numClasses;
    };
  }

  /**
   * Checks a label.
   *
   * @throws SfumatoException if it is not one of this network's classes
   */
  public long requireLabel(long label) {
    if (type == Type.NONE) {
      throw new SfumatoException("the model is not class-conditioned: leave out the labels");
    }
    if (label < 0 || label >= numClasses) {
      throw new SfumatoException(
          "class " + label + " is out of range: the model knows 0 to " + (numClasses - 1));
    }
    return label;
  }
}
