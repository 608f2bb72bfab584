/*
 * A part that the static archives of elfutils 0.192 forgot (sourceware bug 32293; mended in 0.193):
 * libelf.a and libdw.a keep their lookup tables in search trees whose functions are in neither. The
 * static build supplies them with that version only; nothing of ours calls them.
 */
#ifndef LEAKHOUND_BINARY_ELFUTILS_SEARCH_TREE_H
#define LEAKHOUND_BINARY_ELFUTILS_SEARCH_TREE_H

/* elfutils: lib/eu-search.h. A lock follows that we do not need. */
struct search_tree {
    void *root;
};

typedef int (*search_tree_compare)(const void *a, const void *b);

/* As tsearch, tfind, tdelete and tdestroy (search.h), safe to be called by several threads. */
void eu_search_tree_init(struct search_tree *tree);
void eu_search_tree_fini(struct search_tree *tree, void (*free_node)(void *node));
void *eu_tsearch(const void *key, struct search_tree *tree, search_tree_compare compare);
void *eu_tfind(const void *key, struct search_tree *tree, search_tree_compare compare);
void *eu_tdelete(const void *key, struct search_tree *tree, search_tree_compare compare);
void eu_tdestroy(struct search_tree *tree, void (*free_node)(void *node));

#endif
