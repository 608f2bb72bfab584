#include "binary/elfutils_search_tree.h"

#include <pthread.h>
#include <search.h>
#include <stddef.h>

/* One lock for all trees: whether theirs is there depends on how elfutils was built. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void eu_search_tree_init(struct search_tree *tree)
{
    tree->root = NULL;
}

void eu_search_tree_fini(struct search_tree *tree, void (*free_node)(void *node))
{
    eu_tdestroy(tree, free_node);
}

void *eu_tsearch(const void *key, struct search_tree *tree, search_tree_compare compare)
{
    pthread_mutex_lock(&lock);
    void *node = tsearch(key, &tree->root, compare);
    pthread_mutex_unlock(&lock);
    return node;
}

void *eu_tfind(const void *key, struct search_tree *tree, search_tree_compare compare)
{
    pthread_mutex_lock(&lock);
    void *node = tfind(key, &tree->root, compare);
    pthread_mutex_unlock(&lock);
    return node;
}

void *eu_tdelete(const void *key, struct search_tree *tree, search_tree_compare compare)
{
    pthread_mutex_lock(&lock);
    void *parent = tdelete(key, &tree->root, compare);
    pthread_mutex_unlock(&lock);
    return parent;
}

void eu_tdestroy(struct search_tree *tree, void (*free_node)(void *node))
{
    /* Without the lock: free_node may take down a tree inside the node. */
    pthread_mutex_lock(&lock);
    void *root = tree->root;
    tree->root = NULL;
    pthread_mutex_unlock(&lock);
    tdestroy(root, free_node);
}
