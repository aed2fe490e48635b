package dev.sfumato.model;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.sfumato.SfumatoException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * How a network is told which class to draw.
 *
 * @param type the way
 * @param numClasses the number of classes; labels are 0 to {@code numClasses - 1}
 * @param embeddingSize with {@link Type#CHANNELS}: the numbers per class, else absent (0)
 * @param classNames the names of the classes by label; empty if they are not known
 */
@JsonInclude(JsonInclude.Include.NON_DEFAULT)
public record ClassConditioning(
    Type type,
    int numClasses,
    int embeddingSize,
    @JsonInclude(JsonInclude.Include.NON_EMPTY) List<String> classNames) {

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

  /** Conditioning on classes that have no names. */
  public ClassConditioning(Type type, int numClasses, int embeddingSize) {
    this(type, numClasses, embeddingSize, List.of());
  }

  /**
   * @throws SfumatoException if a size is missing, or there are more or fewer names than classes
   */
  @JsonCreator
  public ClassConditioning(
      @JsonProperty("type") Type type,
      @JsonProperty("num_classes") int numClasses,
      @JsonProperty("embedding_size") int embeddingSize,
      @JsonProperty("class_names") List<String> classNames) {
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
    this.classNames = classNames == null ? List.of() : List.copyOf(classNames);
    if (!this.classNames.isEmpty() && this.classNames.size() != numClasses) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "class_names has %d names for %d classes",
              this.classNames.size(),
              numClasses));
    }
  }

  /** Returns this conditioning with names for its classes, by label. */
  public ClassConditioning withClassNames(List<String> names) {
    return new ClassConditioning(type, numClasses, embeddingSize, names);
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
   * Returns the label that a word stands for: the name of a class or, unless the names are numbers
   * themselves, a label. A label may be out of range, see {@link #requireLabel}.
   *
   * @throws SfumatoException if no class has this name
   */
  public long label(String word) {
    return new ClassNames(classNames)
        .label(word)
        .orElseThrow(() -> new SfumatoException(noClass(word)));
  }

  private String noClass(String word) {
    return type == Type.NONE
        ? "the model is not class-conditioned: leave out the classes"
        : classNames.isEmpty()
            ? String.format(
                Locale.ROOT,
                "class '%s' is not a number, and the model's classes have no names: use 0 to %d",
                word,
                numClasses - 1)
            : String.format(
                Locale.ROOT,
                "the model has no class '%s': its classes are %s",
                word,
                namesInShort());
  }

  /** Returns the names, or the first of many, in one line. */
  public String namesInShort() {
    return new ClassNames(classNames).inShort();
  }

  /**
   * Checks that labels of data mean what they mean to the network.
   *
   * @param names of the data's classes, by label
   * @throws SfumatoException if there are more than the network knows, or one has another name
   */
  public void requireClasses(List<String> names) {
    if (names.size() > numClasses) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "the data have %d classes, the model knows %d",
              names.size(),
              numClasses));
    }
    for (int i = 0; i < Math.min(names.size(), classNames.size()); i++) {
      if (!names.get(i).equals(classNames.get(i))) {
        throw new SfumatoException(
            String.format(
                Locale.ROOT,
                "class %d of the data is '%s', but the model knows it as '%s': use data with the classes %s",
                i,
                names.get(i),
                classNames.get(i),
                namesInShort()));
      }
    }
  }

  /**
   * Checks a label.
   *
   * @throws SfumatoException if it is not one of this network's classes
   */
  public long requireLabel(long label) {
    if (type == Type.NONE) {
      throw new SfumatoException("the model is not class-conditioned: leave out the classes");
    }
    if (label < 0 || label >= numClasses) {
      throw new SfumatoException(
          "class " + label + " is out of range: the model knows 0 to " + (numClasses - 1));
    }
    return label;
  }
}
