package dev.sfumato.pipeline;

import dev.sfumato.clip.ClipTokenizer;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/**
 * Reads prompts in the syntax of the library compel. States move away from those of the empty text
 * by the weight, {@code empty + w (z - empty)}. A weight below 1 also mixes in the states without
 * the words, with a share that rises to all as the weight falls to 0.
 */
final class CompelPrompt {
  private static final Set<String> SENTENCE_ENDS = Set.of(".</w>");
  private static final Set<String> PHRASE_ENDS = Set.of(".</w>", ",</w>", ";</w>", ":</w>");
  private static final double SMALLEST = 1e-5;

  private final TextReader reader;
  private final Tensor empty;
  private final int length;

  private CompelPrompt(TextReader reader) {
    this.reader = reader;
    this.empty = reader.empty();
    this.length = reader.length();
  }

  /** Reads a prompt; the pooled text is that of the prompt as it is written, as in compel. */
  static TextReader.Reading read(String prompt, TextReader reader) {
    CompelPrompt compel = new CompelPrompt(reader);
    List<Tensor> clauses = new ArrayList<>();
    for (CompelParser.Clause clause : CompelParser.parse(prompt)) {
      clauses.add(compel.states(clause));
    }
    Optional<Tensor> pooled =
        reader.encoder().model().projects()
            ? reader.read(List.of(prompt)).pooled()
            : Optional.empty();
    return new TextReader.Reading(Tensor.cat(clauses, 1), pooled);
  }

  /** Appends the empty text to states until they have {@code size} tokens. */
  static Tensor padded(Tensor states, Tensor empty, long size) {
    List<Tensor> parts = new ArrayList<>(List.of(states));
    Tensor rows = empty.expand(states.size(0), -1, -1);
    for (long have = states.size(1); have < size; have += empty.size(1)) {
      parts.add(rows);
    }
    return Tensor.cat(parts, 1);
  }

  private Tensor states(CompelParser.Clause clause) {
    List<Tensor> each = clause.prompts().stream().map(this::states).toList();
    long size = each.stream().mapToLong(z -> z.size(1)).max().orElseThrow();
    Tensor mixed = null;
    for (int i = 0; i < each.size(); i++) {
      double share = clause.shares().get(i);
      Tensor z = padded(each.get(i), empty, size);
      Tensor part = share == 1 ? z : z.mul(share);
      mixed = mixed == null ? part : mixed.add(part);
    }
    return clause.weight() == 1
        ? mixed
        : away(mixed, padded(empty, empty, size), Tensor.full(clause.weight(), 1));
  }

  private static Tensor away(Tensor z, Tensor from, Tensor weights) {
    return from.add(z.sub(from).mul(weights.to(z.device())));
  }

  /** A chunk of a prompt: its tokens, and the part and the weight of each token. */
  private record Chunk(List<Integer> tokens, List<Integer> parts, List<Double> weights) {}

  private Tensor states(List<WeightedText> parts) {
    List<Chunk> chunks = chunks(parts);
    Tensor sum = weighted(chunks, -1);
    double shares = 1;
    for (int i = 0; i < parts.size(); i++) {
      int part = i;
      double weight = Math.max(parts.get(i).weight(), SMALLEST);
      if (weight < 1 && chunks.stream().anyMatch(chunk -> chunk.parts.contains(part))) {
        double share = Math.tan((1 - weight) * Math.PI / 2);
        sum = sum.add(weighted(chunks, part).mul(share));
        shares += share;
      }
    }
    return shares == 1 ? sum : sum.div(shares);
  }

  private Tensor weighted(List<Chunk> chunks, int hidden) {
    int first = firstWith(chunks, hidden);
    List<Tensor> rows = new ArrayList<>();
    for (int i = 0; i < chunks.size(); i++) {
      Chunk chunk = chunks.get(i);
      boolean after = chunks.subList(i, chunks.size()).stream().anyMatch(has(hidden));
      boolean later =
          chunks.subList(i + 1, chunks.size()).stream().anyMatch(has(hidden)) && i >= first;
      Tensor z =
          hidden < 0 || !after || i < first
              ? reader.row(chunk.tokens).tokens()
              : reader.masked(chunk.tokens, mask(chunk, hidden, later));
      rows.add(weighted(z, chunk.weights));
    }
    return Tensor.cat(rows, 1);
  }

  private static Predicate<Chunk> has(int part) {
    return chunk -> chunk.parts.contains(part);
  }

  private static int firstWith(List<Chunk> chunks, int part) {
    for (int i = 0; i < chunks.size(); i++) {
      if (chunks.get(i).parts.contains(part)) {
        return i;
      }
    }
    return chunks.size();
  }

  /** Hides a part and, if it goes on in the next chunk, all up to the end of this one. */
  private Tensor mask(Chunk chunk, int hidden, boolean goesOn) {
    float[] seen = new float[length];
    Arrays.fill(seen, 1);
    int from = chunk.parts.indexOf(hidden);
    int to = goesOn ? length - 2 : chunk.parts.lastIndexOf(hidden) + 1;
    Arrays.fill(seen, from + 1, to + 1, 0); // after the begin
    return Tensor.of(seen, 1, length);
  }

  private Tensor weighted(Tensor z, List<Double> weights) {
    if (weights.stream().allMatch(weight -> weight == 1)) {
      return z;
    }
    float[] row = new float[length];
    Arrays.fill(row, 1);
    for (int i = 0; i < weights.size(); i++) {
      row[i + 1] = weights.get(i).floatValue();
    }
    return away(z, empty, Tensor.of(row, 1, length, 1));
  }

  // ---- chunks

  private List<Chunk> chunks(List<WeightedText> parts) {
    Chunk rest = new Chunk(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
    for (int i = 0; i < parts.size(); i++) {
      for (int token : reader.encoder().tokenizer().tokenize(parts.get(i).text())) {
        rest.tokens.add(token);
        rest.parts.add(i);
        rest.weights.add(parts.get(i).weight());
      }
    }
    List<Chunk> chunks = new ArrayList<>();
    int from = 0;
    do {
      int to = from + firstChunk(rest.tokens.subList(from, rest.tokens.size()));
      chunks.add(
          new Chunk(
              rest.tokens.subList(from, to),
              rest.parts.subList(from, to),
              rest.weights.subList(from, to)));
      from = to;
    } while (from < rest.tokens.size());
    return chunks;
  }

  /** Returns the tokens up to the last sentence that fits, else phrase, else word. */
  private int firstChunk(List<Integer> tokens) {
    int most = length - 2;
    if (tokens.size() <= most) {
      return tokens.size();
    }
    ClipTokenizer tokenizer = reader.encoder().tokenizer();
    List<String> names = tokens.subList(0, most).stream().map(tokenizer::name).toList();
    List<Predicate<String>> ends =
        List.of(SENTENCE_ENDS::contains, PHRASE_ENDS::contains, name -> name.endsWith("</w>"));
    for (Predicate<String> end : ends) {
      for (int i = most - 1; i >= 0; i--) {
        if (end.test(names.get(i))) {
          return i + 1;
        }
      }
    }
    return most;
  }
}
