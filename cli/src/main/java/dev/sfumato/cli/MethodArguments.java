package dev.sfumato.cli;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.checkpoint.LoraFormat;
import dev.sfumato.checkpoint.LoraOptions;
import dev.sfumato.pipeline.LoadingOptions;
import dev.sfumato.run.Method;
import dev.sfumato.run.PriorPreservation;
import dev.sfumato.run.Training;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import picocli.CommandLine.Option;

/** Options for what a fine-tuning changes of a text-to-image model. */
final class MethodArguments {
  @Option(
      names = "--method",
      paramLabel = "full|lora|textual-inversion",
      description =
          "Text-to-image models: what learns: all weights of the U-Net (full), small matrices beside"
              + " them (lora), or the vectors of a new word (default: lora).")
  Method.Kind method;

  @Option(
      names = "--train-text-encoder",
      negatable = true,
      fallbackValue = "true",
      description = "Train the text encoders, too: in full or with a LoRA, as --method says.")
  Boolean trainTextEncoder;

  @Option(
      names = "--text-encoder-learning-rate",
      paramLabel = "X",
      description = "Base learning rate of the text encoders (default: that of the rest).")
  Double textEncoderLearningRate;

  // ---- LoRA

  @Option(
      names = "--lora",
      paramLabel = "FILE|DIR|ID",
      description =
          "LoRA to go on from, in any form that sample reads; it keeps its rank, alpha and layers"
              + " (default: a new one).")
  String lora;

  @Option(
      names = "--lora-rank",
      paramLabel = "R",
      description =
          "Rank of the matrices: a higher one learns more and makes a larger file (default: 16).")
  Integer loraRank;

  @Option(
      names = "--lora-alpha",
      paramLabel = "A",
      description = "Strength of the change, which is scaled by alpha / rank (default: the rank).")
  Double loraAlpha;

  @Option(
      names = "--lora-targets",
      paramLabel = "attention|all|conv|PATTERN",
      split = ",",
      description =
          "Layers: attention (q, k, v, out); all, also proj_in, proj_out and feed-forward; conv,"
              + " also the residual blocks' convolutions; or patterns such as attn2.to_?,mid_block"
              + " (default: attention).")
  List<String> loraTargets;

  @Option(
      names = "--lora-dropout",
      paramLabel = "P",
      description = "Share of a layer's inputs that the LoRA does not see (default: 0).")
  Double loraDropout;

  @Option(
      names = "--lora-format",
      paramLabel = "diffusers|kohya",
      description =
          "Form of the file: pytorch_lora_weights.safetensors of diffusers, or NAME.safetensors of"
              + " kohya's scripts for the common web interfaces (default: diffusers).")
  LoraFormat loraFormat;

  // ---- textual inversion

  @Option(
      names = "--placeholder-token",
      paramLabel = "WORD",
      description = "Textual inversion: the new word in captions and prompts, such as <my-cat>.")
  String placeholderToken;

  @Option(
      names = "--initializer-token",
      paramLabel = "WORD",
      description = "Textual inversion: a known word to start from, such as cat.")
  String initializerToken;

  @Option(
      names = "--vectors",
      paramLabel = "N",
      description = "Textual inversion: vectors of the new word (default: 1).")
  Integer vectors;

  // ---- prior preservation

  @Option(
      names = "--class-prompt",
      paramLabel = "TEXT",
      split = "\n",
      description =
          "DreamBooth: the text of the subject's class, such as \"a cat\"; class pictures then keep"
              + " the model from forgetting it. With several subjects, again for each folder of"
              + " --data: FOLDER=TEXT.")
  List<String> classPrompts;

  @Option(
      names = "--class-data",
      paramLabel = "DIR",
      description =
          "DreamBooth: the class pictures, with several subjects in folders; the model draws those"
              + " that are missing.")
  Path classData;

  @Option(
      names = "--class-count",
      paramLabel = "N",
      description = "DreamBooth: class pictures of each subject (default: 100).")
  Integer classCount;

  @Option(
      names = "--prior-weight",
      paramLabel = "X",
      description = "DreamBooth: weight of the class pictures' loss (default: 1).")
  Double priorWeight;

  /** Returns {@code whole} with the chosen method, if one was chosen. */
  Training applied(Training whole) {
    requireFitting();
    boolean texts = Boolean.TRUE.equals(trainTextEncoder);
    Training changed = whole;
    if (textEncoderLearningRate != null) {
      if (!texts) {
        throw new InvalidOptionException("--text-encoder-learning-rate needs --train-text-encoder");
      }
      double rate = textEncoderLearningRate;
      changed = changed.withOptions(options -> options.withTextEncoderLearningRate(rate));
    }
    if (classPrompts != null || classData != null) {
      changed = changed.withPriorPreservation(prior());
    }
    boolean chosen = method != null || texts || given(ofLora());
    return chosen ? changed.withMethod(method()) : changed;
  }

  private Method method() {
    Method chosen = ofKind();
    chosen = trainTextEncoder == null ? chosen : chosen.withTextEncoder(trainTextEncoder);
    return lora == null ? chosen : chosen.withStart(start());
  }

  /** Returns the name of the LoRA to go on from. */
  String start() {
    LoadingOptions.Lora given = LoadingOptions.Lora.parse(lora, Path::of);
    if (given.scale() != 1) {
      throw new InvalidOptionException(
          "--lora: a LoRA learns on at its own strength: leave out :"
              + lora.substring(lora.lastIndexOf(':') + 1)
              + ", and draw with that scale later");
    }
    return given.path().toString();
  }

  private Method ofKind() {
    Method.Kind kind = method == null ? Method.Kind.LORA : method;
    return switch (kind) {
      case FULL -> Method.full();
      case LORA ->
          Method.lora(loraOptions())
              .withFormat(loraFormat == null ? LoraFormat.DIFFUSERS : loraFormat);
      case TEXTUAL_INVERSION -> {
        if (placeholderToken == null || initializerToken == null) {
          throw new InvalidOptionException(
              "--method textual-inversion needs --placeholder-token, the new word, and"
                  + " --initializer-token, a known word to start from");
        }
        yield Method.textualInversion(
            new Method.Word(placeholderToken, initializerToken, vectors == null ? 1 : vectors));
      }
    };
  }

  private PriorPreservation prior() {
    if (classPrompts == null || classData == null) {
      throw new InvalidOptionException("--class-prompt and --class-data go together");
    }
    return new PriorPreservation(
        classPrompts,
        classData,
        classCount == null ? PriorPreservation.COUNT : classCount,
        priorWeight == null ? 1 : priorWeight);
  }

  private LoraOptions loraOptions() {
    LoraOptions options = LoraOptions.defaults();
    options = loraRank == null ? options : options.withRank(loraRank);
    options = loraAlpha == null ? options : options.withAlpha(loraAlpha);
    options = loraDropout == null ? options : options.withDropout(loraDropout);
    return loraTargets == null ? options : options.withTargets(loraTargets.toArray(new String[0]));
  }

  private void requireFitting() {
    boolean lora = method == null || method == Method.Kind.LORA;
    if (!lora && given(ofLora())) {
      throw new InvalidOptionException(
          "--lora and the options --lora-... go with --method lora; `sfumato convert` merges a LoRA"
              + " into a model");
    }
    if (classPrompts == null && given(Stream.of(classCount, priorWeight))) {
      throw new InvalidOptionException(
          "--class-count and --prior-weight need --class-prompt and --class-data");
    }
    Stream<Object> ofWords = Stream.of(placeholderToken, initializerToken, vectors);
    if (method != Method.Kind.TEXTUAL_INVERSION && given(ofWords)) {
      throw new InvalidOptionException(
          "--placeholder-token, --initializer-token and --vectors go with --method"
              + " textual-inversion");
    }
  }

  private Stream<Object> ofLora() {
    return Stream.of(lora, loraRank, loraAlpha, loraTargets, loraDropout, loraFormat);
  }

  private static boolean given(Stream<Object> options) {
    return options.anyMatch(Objects::nonNull);
  }
}
