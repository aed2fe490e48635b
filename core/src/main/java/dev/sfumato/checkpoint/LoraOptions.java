package dev.sfumato.checkpoint;

import static dev.sfumato.InvalidOptionException.require;

import dev.sfumato.InvalidOptionException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.regex.Pattern;

/**
 * The shape of a new LoRA.
 *
 * @param rank r, the number of rows of the smaller matrices, at least 1
 * @param alphaIfSet alpha; the change is {@code alpha / r up down}; empty: r
 * @param targets the layers: {@code attention} (q, k, v and out), {@code all} (also proj_in,
 *     proj_out and the feed-forward layers), {@code conv} (also the convolutions of the residual
 *     blocks), or patterns: the end or the start of a layer's name, with {@code *} for any
 *     characters and {@code ?} for one
 * @param dropout the share of a layer's inputs that the change does not see in training, in [0, 1)
 */
public record LoraOptions(
    int rank, OptionalDouble alphaIfSet, List<String> targets, double dropout) {
  private static final LoraOptions DEFAULTS =
      new LoraOptions(16, OptionalDouble.empty(), List.of("attention"), 0);
  private static final String ATTENTION = "(.+\\.)?(to_[qkv]|to_out\\.0|[qkv]_proj|out_proj)";
  private static final String ALL =
      ATTENTION + "|(.+\\.)?(proj_in|proj_out|ff\\.net\\.0\\.proj|ff\\.net\\.2|fc1|fc2)";
  private static final Map<String, String> PRESETS =
      Map.of(
          "attention", ATTENTION,
          "all", ALL,
          "conv", ALL + "|(.+\\.)?(conv1|conv2|conv_shortcut)");

  /**
   * @throws InvalidOptionException if a number is out of range, or no target is given
   */
  public LoraOptions {
    targets = List.copyOf(targets);
    require(rank >= 1, "`loraRank` must be at least 1, but is " + rank);
    double alpha = alphaIfSet.orElse(rank);
    require(
        alpha > 0 && Double.isFinite(alpha), "`loraAlpha` must be more than 0, but is " + alpha);
    require(dropout >= 0 && dropout < 1, "`loraDropout` must be in [0, 1), but is " + dropout);
    require(!targets.isEmpty(), "`loraTargets` is empty: name attention, all, conv or a pattern");
  }

  /** Returns rank 16, alpha 16, the layers of attention, no dropout. */
  public static LoraOptions defaults() {
    return DEFAULTS;
  }

  /** Returns a copy with this rank, and with this alpha unless another one was set. */
  public LoraOptions withRank(int r) {
    return new LoraOptions(r, alphaIfSet, targets, dropout);
  }

  /** Returns a copy with this alpha. */
  public LoraOptions withAlpha(double alpha) {
    return new LoraOptions(rank, OptionalDouble.of(alpha), targets, dropout);
  }

  /** Returns a copy with other layers. */
  public LoraOptions withTargets(String... layers) {
    return new LoraOptions(rank, alphaIfSet, List.of(layers), dropout);
  }

  /** Returns a copy with this dropout. */
  public LoraOptions withDropout(double share) {
    return new LoraOptions(rank, alphaIfSet, targets, share);
  }

  /** Returns alpha. */
  public double alpha() {
    return alphaIfSet.orElse(rank);
  }

  /** Returns whether {@code target}, a preset or a pattern, means {@code layer}. */
  static boolean chooses(String target, String layer) {
    String preset = PRESETS.get(target);
    if (preset != null) {
      return layer.matches(preset);
    }
    String glob = Pattern.quote(target).replace("*", "\\E.*\\Q").replace("?", "\\E.\\Q");
    return layer.matches("(.+\\.)?" + glob) || layer.matches(glob + "\\..+");
  }

  /** Returns every option by its name in a run's {@code config.json}. */
  public Map<String, Object> settings() {
    Map<String, Object> settings = new LinkedHashMap<>();
    settings.put("lora_rank", rank);
    settings.put("lora_alpha", alpha());
    settings.put("lora_targets", targets);
    settings.put("lora_dropout", dropout);
    return settings;
  }
}
