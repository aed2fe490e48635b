package dev.sfumato.run;

import dev.sfumato.SfumatoException;
import dev.sfumato.checkpoint.LoraFormat;
import dev.sfumato.data.Dataset;
import dev.sfumato.hub.Hub;
import dev.sfumato.hub.ModelFiles;
import dev.sfumato.hub.ProgressListener;
import dev.sfumato.io.AtomicFile;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.pipeline.LearnedWord;
import dev.sfumato.pipeline.LiveLora;
import dev.sfumato.pipeline.StableDiffusionPipeline;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.Stream;

/**
 * A model with what of it learns: all of it, a LoRA, or a word.
 *
 * @param pipeline the model
 * @param method the choice
 * @param lora the LoRA, if that learns
 * @param word the word, if that learns
 */
record Learner(
    DiffusionPipeline pipeline, Method method, Optional<LiveLora> lora, Optional<LearnedWord> word)
    implements AutoCloseable {
  private static final String LORA = "pytorch_lora_weights.safetensors";
  private static final String WORD = "learned_embeds.safetensors";
  private static final int SHOWN = 12;
  private static final long LORA_STREAM = 0x10AAL;

  /** A whole model that learns. */
  static Learner whole(DiffusionPipeline pipeline) {
    return new Learner(pipeline, Method.full(), Optional.empty(), Optional.empty());
  }

  /**
   * Prepares a model.
   *
   * @param checkpoint a folder of {@link #saveState} to go on from
   * @param seed of start values
   */
  static Learner of(
      DiffusionPipeline pipeline, Method method, Optional<Path> checkpoint, long seed) {
    if (!(pipeline instanceof StableDiffusionPipeline texts)) {
      if (method.kind() != Method.Kind.FULL || method.textEncoder()) {
        throw new SfumatoException(
            "the model draws without texts, so it is trained in full: `method`, `trainTextEncoder`"
                + " and the options of LoRA and textual inversion need a text-to-image model");
      }
      return whole(pipeline);
    }
    return switch (method.kind()) {
      case FULL -> {
        texts.network().parameters().values().forEach(weight -> weight.requiresGrad(true));
        texts.trainTextEncoders(method.textEncoder());
        yield new Learner(pipeline, method, Optional.empty(), Optional.empty());
      }
      case LORA ->
          new Learner(
              pipeline,
              method,
              Optional.of(lora(texts, method, checkpoint.map(f -> f.resolve(LORA)), seed)),
              Optional.empty());
      case TEXTUAL_INVERSION ->
          new Learner(
              pipeline,
              method,
              Optional.empty(),
              Optional.of(word(texts, method.word(), checkpoint.map(f -> f.resolve(WORD)))));
    };
  }

  private static LiveLora lora(
      StableDiffusionPipeline texts, Method method, Optional<Path> checkpoint, long seed) {
    checkpoint.ifPresent(Learner::requireFile);
    Optional<Path> given = checkpoint.or(() -> start(method));
    if (given.isEmpty()) {
      long own = new SplittableRandom(seed ^ LORA_STREAM).nextLong();
      return texts.newLora(method.lora(), method.textEncoder(), own);
    }
    LiveLora lora = texts.trainLora(given.get(), method.lora());
    boolean changes = lora.changesTextEncoders();
    if (method.requiresTextEncoder().filter(required -> required != changes).isPresent()) {
      lora.close();
      throw new SfumatoException(
          "`trainTextEncoder`: "
              + given.get()
              + (changes ? " also changes a text encoder" : " changes no text encoder")
              + ": leave the option out to go on with what it changes");
    }
    return lora;
  }

  /** Returns the file or folder of the LoRA to go on from, if there is one. */
  static Optional<Path> start(Method method) {
    return method
        .start()
        .map(name -> Hub.fromEnvironment().locate(name, ModelFiles::lora, ProgressListener.NONE));
  }

  private static LearnedWord word(
      StableDiffusionPipeline texts, Method.Word word, Optional<Path> file) {
    if (file.isPresent()) {
      requireFile(file.get());
      return texts.resumeWord(word.token(), word.vectors(), file.get());
    }
    return texts.newWord(word.token(), word.like(), word.vectors());
  }

  private static void requireFile(Path file) {
    if (!Files.exists(file)) {
      throw new SfumatoException(
          file + ": is missing: the run had another `method`, or this is not a checkpoint of it");
    }
  }

  /** Returns whether a checkpoint holds a whole model, so that its base is not needed. */
  static boolean holdsModel(Path checkpoint) {
    return !Files.exists(checkpoint.resolve(LORA)) && !Files.exists(checkpoint.resolve(WORD));
  }

  /** Requires that the captions use the word that learns. */
  void requireSuits(Dataset dataset) {
    if (word.isPresent()
        && dataset.captions().stream().noneMatch(text -> text.contains(word.get().token()))) {
      throw new SfumatoException(
          "no caption has the word "
              + word.get().token()
              + ", so it would learn nothing: use it in the captions or, for pictures without one,"
              + " give an `instancePrompt` such as \"a photo of "
              + word.get().token()
              + "\"");
    }
  }

  /** Writes what has learned, bit for bit, into an existing folder. */
  void saveState(Path folder) {
    if (lora.isPresent()) {
      lora.get().save(folder.resolve(LORA), LoraFormat.DIFFUSERS);
    } else if (word.isPresent()) {
      word.get().save(folder.resolve(WORD));
    } else {
      pipeline.save(folder);
    }
  }

  /** Writes the result of a run; a LoRA replaces one that the run left in the other form. */
  void saveResult(Path folder) {
    if (lora.isPresent()) {
      lora.get().save(folder.resolve(resultFile(folder)), method.format());
      Stream.of(LoraFormat.values())
          .map(form -> file(form, folder))
          .filter(name -> !name.equals(resultFile(folder)))
          .forEach(name -> AtomicFile.delete(folder.resolve(name)));
    } else {
      saveState(folder);
    }
  }

  /** Returns the name of the result's file; a model has many. */
  String resultFile(Path folder) {
    return word.isPresent() ? WORD : file(method.format(), folder);
  }

  private static String file(LoraFormat format, Path folder) {
    return format == LoraFormat.DIFFUSERS
        ? LORA
        : folder.toAbsolutePath().normalize().getFileName() + ".safetensors";
  }

  /** Returns whether the model learns as a whole. */
  boolean isWhole() {
    return lora.isEmpty() && word.isEmpty();
  }

  /** Returns what learns, at the beginning of a sentence. */
  String kind() {
    return lora.isPresent() ? "A LoRA" : word.isPresent() ? "A learned word" : "A diffusion model";
  }

  /** Returns facts for the report and the card. */
  Map<String, String> facts() {
    Map<String, String> facts = new LinkedHashMap<>();
    if (lora.isPresent()) {
      facts.put(
          "LoRA",
          String.format(
              Locale.ROOT,
              "rank %s, alpha %s, %d layers, %,d weights",
              RunFacts.numbers(lora.get().ranks()),
              RunFacts.numbers(lora.get().alphas()),
              lora.get().size(),
              ((StableDiffusionPipeline) pipeline)
                  .learners().trainable().stream().mapToLong(Tensor::numel).sum()));
      method.start().ifPresent(name -> facts.put("begun with", new BaseModel(name).shown()));
      facts.put("norm of its changes", String.format(Locale.ROOT, "%.4g", norm().orElseThrow()));
    }
    word.ifPresent(
        w -> facts.put("learned word", w.token() + ", vectors: " + method.word().vectors()));
    return facts;
  }

  /** Returns every option of the method by its name in {@code config.json}. */
  Map<String, Object> settings() {
    Map<String, Object> settings = new LinkedHashMap<>(method.settings());
    lora.filter(l -> method.start().isPresent())
        .ifPresent(
            l -> {
              settings.put("train_text_encoder", l.changesTextEncoders());
              if (l.ranks().size() == 1 && l.alphas().size() == 1) {
                settings.put("lora_rank", l.ranks().first());
                settings.put("lora_alpha", l.alphas().first());
              }
            });
    return settings;
  }

  /** Returns the norm of all changes of the LoRA, if that learns. */
  Optional<Double> norm() {
    return lora.map(
        l -> Math.sqrt(l.norms().values().stream().mapToDouble(norm -> norm * norm).sum()));
  }

  /** Returns the norms of the LoRA's changes of the layers that it changes most. */
  Map<String, String> largestChanges() {
    Map<String, String> changes = new LinkedHashMap<>();
    lora.ifPresent(
        l ->
            l.norms().entrySet().stream()
                .sorted(Map.Entry.<String, Double>comparingByValue().reversed())
                .limit(SHOWN)
                .forEach(
                    e ->
                        changes.put(e.getKey(), String.format(Locale.ROOT, "%.4g", e.getValue()))));
    return changes;
  }

  /** Removes the LoRA or the word from the model. */
  @Override
  public void close() {
    lora.ifPresent(LiveLora::close);
    word.ifPresent(LearnedWord::close);
  }
}
